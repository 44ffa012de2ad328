// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: pollers
 *
 * Whoever polls a file sleeps on queues of the driver, and must be woken when
 * the device goes. To put every poller on a queue of the scope's as well would
 * do, were it not for those that can be on one queue or two and no more: aio
 * refuses to poll a file that has a second queue, io_uring one that has a third.
 * So it is the driver's own queues that are woken. Which they are is seen when
 * the driver names them to the poll table, and remembered until the file is
 * released: as long as epoll, which remembers them too, needs them to be there.
 */
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "cdevm_internal.h"
#include "kernel_compat.h"

#define CDEVM_POLLED_BITS	6

/**
 * struct cdevm_polled - a queue that somebody was put on by polling a file
 * @link: in the bucket of @file, protected by its lock
 * @scope: of @file, which holds it
 * @file: the file
 * @queue: the driver's
 */
struct cdevm_polled {
	struct hlist_node	link;
	struct cdevm_scope	*scope;
	const struct file	*file;
	wait_queue_head_t	*queue;
};

/*
 * By file, so that the many files of a device do not get in each other's way. A
 * bucket's lock is taken over those of wait queues.
 */
static struct cdevm_polled_bucket {
	spinlock_t		lock;	/* protects list */
	struct hlist_head	list;
} cdevm_polled[1 << CDEVM_POLLED_BITS] = {
	[0 ... (1 << CDEVM_POLLED_BITS) - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(cdevm_polled.lock),
	},
};

static struct cdevm_polled_bucket *cdevm_polled_bucket(const struct file *file)
{
	return &cdevm_polled[hash_ptr(file, CDEVM_POLLED_BITS)];
}

static bool cdevm_is_polled(const struct cdevm_polled_bucket *bucket,
			    const struct file *file, const wait_queue_head_t *queue)
{
	const struct cdevm_polled *polled;

	lockdep_assert_held(&bucket->lock);

	hlist_for_each_entry(polled, &bucket->list, link)
		if (polled->file == file && polled->queue == queue)
			return true;
	return false;
}

/* False without memory. */
static bool cdevm_remember_polled(struct cdevm_scope *scope, const struct file *file,
				  wait_queue_head_t *queue)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(file);
	struct cdevm_polled *polled;
	bool known;

	spin_lock(&bucket->lock);
	known = cdevm_is_polled(bucket, file, queue);
	spin_unlock(&bucket->lock);
	if (known)
		return true;

	/* There is one for each open file, so whoever has those pays for it. */
	polled = kmalloc_obj(*polled, GFP_KERNEL_ACCOUNT);
	if (!polled)
		return false;
	polled->scope = scope;
	polled->file = file;
	polled->queue = queue;

	spin_lock(&bucket->lock);
	known = cdevm_is_polled(bucket, file, queue);
	if (!known)
		hlist_add_head(&polled->link, &bucket->list);
	spin_unlock(&bucket->lock);
	if (known)
		kfree(polled);
	return true;
}

/**
 * struct cdevm_poll_table - what the driver's poll method is called with
 * @table: what it sees
 * @caller: what it stands for
 * @file: the file that is polled; a driver may name another
 * @queued: somebody was put on a queue that is remembered
 * @forgot: and on one that is not
 */
struct cdevm_poll_table {
	poll_table	table;
	poll_table	*caller;
	struct file	*file;
	bool		queued;
	bool		forgot;
};

static void cdevm_poll_queue(struct file *file, wait_queue_head_t *queue,
			     poll_table *table)
{
	struct cdevm_poll_table *poll;

	poll = container_of(table, struct cdevm_poll_table, table);
	if (cdevm_remember_polled(cdevm_file_fops(poll->file)->scope, poll->file, queue))
		poll->queued = true;
	else
		poll->forgot = true;
	poll->caller->_qproc(file, queue, poll->caller);
}

/* The poll method of a node. */
__poll_t cdevm_poll(struct file *file, struct poll_table_struct *table)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_poll_table poll = { .caller = table, .file = file };
	struct cdevm_call call;
	__poll_t mask;

	/* Somebody who looks and does not wait. */
	if (!table || !table->_qproc)
		return cdevm_call(wrapped, EPOLLHUP | EPOLLERR, poll, file, table);

	if (!cdevm_begin(&call, scope, "poll", (void *)wrapped->orig->poll))
		return EPOLLHUP | EPOLLERR;
	init_poll_funcptr(&poll.table, cdevm_poll_queue);
	poll.table._key = table->_key;
	mask = wrapped->orig->poll(file, &poll.table);
	cdevm_end(&call, scope);

	/* A poller that is on no queue of the driver's still has to learn of it. */
	if (!poll.queued || poll.forgot)
		poll_wait(file, &scope->gone, table);
	/*
	 * Queue first, look second: a revoke that the look misses finds the
	 * queue remembered, by the lock of the bucket.
	 */
	return cdevm_is_revoked(scope) ? EPOLLHUP | EPOLLERR : mask;
}

/* After revoke, under spinlocks. A wakeup too many does no harm. */
void cdevm_wake_polled(struct cdevm_scope *scope)
{
	struct cdevm_polled_bucket *bucket;
	struct cdevm_polled *polled;

	for (bucket = cdevm_polled; bucket < cdevm_polled + ARRAY_SIZE(cdevm_polled);
	     bucket++) {
		spin_lock(&bucket->lock);
		hlist_for_each_entry(polled, &bucket->list, link)
			if (polled->scope == scope)
				__wake_up(polled->queue, TASK_NORMAL, 0,
					  poll_to_key(EPOLLHUP | EPOLLERR));
		spin_unlock(&bucket->lock);
	}
}

/* Before the driver's release, after which its queues may be gone. */
void cdevm_forget_polled(const struct file *file)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(file);
	struct cdevm_polled *polled;
	struct hlist_node *next;

	/*
	 * What is about this file is seen without the lock: whoever has added it
	 * held a reference on the file, and dropped it before this.
	 */
	if (hlist_empty(&bucket->list))
		return;

	spin_lock(&bucket->lock);
	hlist_for_each_entry_safe(polled, next, &bucket->list, link) {
		if (polled->file != file)
			continue;
		hlist_del(&polled->link);
		kfree(polled);
	}
	spin_unlock(&bucket->lock);
}
