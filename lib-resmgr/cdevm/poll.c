// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: pollers
 *
 * Whoever polls a file waits on queues of the driver, and must be woken when the
 * device goes. How, depends on who it is.
 *
 * poll() and select() sleep in the call and can be on any number of queues. They
 * are put on a queue of the scope as well, and nothing is left when the call is
 * over. One that has found something does not sleep, and is not.
 *
 * All others stay on the queues when the call is over, and nothing tells when
 * they leave. Some can be on few queues: aio refuses to poll a file that has a
 * second one, io_uring one that has a third. So it is the driver's own queue that
 * is woken for them. Which one that is, is seen when the driver names it to the
 * poll table, and remembered until the file is released.
 *
 * The hard part is a queue that goes before the file does. A driver frees one
 * that pollers may be on with wake_up_pollfree() and after an RCU grace period.
 * So what is remembered is an entry on that very queue, which is told as the
 * pollers are. It forgets the queue under the queue's lock, with a release that
 * pairs with an acquire of whoever is about to take that lock, inside an RCU
 * read-side critical section.
 *
 * The entry wakes nobody, and is behind those that it stands for: on whatever end
 * of the queue they are put, it is put last after that. Hence it has nobody to
 * stand for when it is the first on the queue, and leaves the next time that it
 * is woken, so waitqueue_active() does not stay true for long. The order of the
 * others, and who of them is woken, is not changed by it.
 *
 * A file that is released at unbind has a release that may free such a queue while
 * pollers are on it, of all kinds: they have not closed the file, and need not even
 * have run since they were woken. So they are kept off. For each queue that the
 * driver names there is one of cdevm's, which the pollers are put on, and which is
 * there until the file is closed. A relay, an entry on the driver's queue, wakes it
 * whenever that is woken. Before the driver's release the relay is taken off.
 */
#include <linux/cache.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "internal.h"

#define CDEVM_POLLED_BITS	6

/**
 * struct cdevm_polled - a queue that somebody was put on by polling a file
 * @link: in the bucket of @file, protected by its lock
 * @wrapped: operations of @file, which holds their scope
 * @file: the file
 * @queue: the driver's. Set under its lock and that of the bucket, and set to
 *	%NULL under its lock alone, when @entry leaves it. Then it may be used for
 *	another queue
 * @entry: on @queue
 */
struct cdevm_polled {
	struct hlist_node	link;
	const struct cdevm_fops	*wrapped;
	const struct file	*file;
	wait_queue_head_t	*queue;
	struct wait_queue_entry	entry;
};

/**
 * struct cdevm_relay - a queue of a file that is released at unbind
 * @polled: what is remembered, with the relay
 * @pollers: who is woken by it. Its lock is taken under that of the driver's queue
 * @users: who is about to be one of them, and to put the relay on its queue.
 *	Protected by the lock of the bucket
 */
struct cdevm_relay {
	struct cdevm_polled	polled;
	wait_queue_head_t	pollers;
	unsigned int		users;
};

static struct cdevm_relay *cdevm_to_relay(struct cdevm_polled *polled)
{
	return container_of(polled, struct cdevm_relay, polled);
}

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

/* Under the lock of the queue. */
static int cdevm_polled_wake(struct wait_queue_entry *entry, unsigned int mode,
			     int sync, void *key)
{
	struct cdevm_polled *polled = container_of(entry, struct cdevm_polled, entry);

	if (key_to_poll(key) & POLLFREE ||
	    list_is_first(&entry->entry, &polled->queue->head)) {
		/* Whoever has read @queue before may take it off once more. */
		list_del_init(&entry->entry);
		/* The last access: @polled may be freed or used again after it. */
		smp_store_release(&polled->queue, NULL);
	}
	return 0;
}

/*
 * The same for a relay. It leaves when nobody is behind it: who comes is put there
 * first, and then looks whether the relay is on the queue.
 */
static int cdevm_relay_wake(struct wait_queue_entry *entry, unsigned int mode,
			    int sync, void *key)
{
	struct cdevm_polled *polled = container_of(entry, struct cdevm_polled, entry);
	struct cdevm_relay *relay = cdevm_to_relay(polled);
	bool freed = key_to_poll(key) & POLLFREE;

	__wake_up(&relay->pollers, mode, !freed, key);
	/* Who comes next has added itself by now, or finds the relay gone: by the lock. */
	if (freed || !waitqueue_active(&relay->pollers)) {
		list_del_init(&entry->entry);
		/* As in cdevm_polled_wake(). */
		smp_store_release(&polled->queue, NULL);
	}
	return 0;
}

/* Put the entry on the queue, or behind those that have come since. */
static void cdevm_polled_queue(struct cdevm_polled *polled, wait_queue_head_t *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (polled->queue && !polled->wrapped->listed) {
		list_move_tail(&polled->entry.entry, &queue->head);
	} else if (!polled->queue) {
		polled->queue = queue;
		__add_wait_queue_entry_tail(queue, &polled->entry);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Take it off the driver's queue. */
static void cdevm_polled_leave(struct cdevm_polled *polled)
{
	wait_queue_head_t *queue;

	/* The queue may go as soon as the entry has left it: hence RCU. */
	rcu_read_lock();
	/* With the release in cdevm_polled_wake(): it is done with @polled. */
	queue = smp_load_acquire(&polled->queue);
	if (queue)
		remove_wait_queue(queue, &polled->entry);
	rcu_read_unlock();
}

static bool cdevm_is_in_use(struct cdevm_polled *polled)
{
	return polled->wrapped->listed && cdevm_to_relay(polled)->users;
}

/* What is remembered of @file and @queue, or else can be used for that. */
static struct cdevm_polled *cdevm_find_polled(const struct cdevm_polled_bucket *bucket,
					      const struct file *file,
					      const wait_queue_head_t *queue)
{
	struct cdevm_polled *polled, *unused = NULL;
	const wait_queue_head_t *has;

	lockdep_assert_held(&bucket->lock);

	hlist_for_each_entry(polled, &bucket->list, link) {
		if (polled->file != file)
			continue;
		/* As in cdevm_polled_leave(): nobody uses an entry that has left. */
		has = smp_load_acquire(&polled->queue);
		if (has == queue)
			return polled;
		if (!has && !cdevm_is_in_use(polled))
			unused = polled;
	}
	return unused;
}

/* There is one for each open file, so whoever has those pays for it. */
static struct cdevm_polled *cdevm_polled_alloc(const struct file *file)
{
	const struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_polled *polled;
	struct cdevm_relay *relay;

	if (wrapped->listed) {
		relay = kzalloc_obj(*relay, GFP_KERNEL_ACCOUNT);
		if (!relay)
			return NULL;
		init_waitqueue_head(&relay->pollers);
		polled = &relay->polled;
	} else {
		polled = kzalloc_obj(*polled, GFP_KERNEL_ACCOUNT);
		if (!polled)
			return NULL;
	}
	polled->wrapped = wrapped;
	polled->file = file;
	init_waitqueue_func_entry(&polled->entry, wrapped->listed ? cdevm_relay_wake :
				  cdevm_polled_wake);
	return polled;
}

static void cdevm_polled_free(struct cdevm_polled *polled)
{
	if (polled->wrapped->listed)
		kfree(cdevm_to_relay(polled));
	else
		kfree(polled);
}

/*
 * After somebody was put on @queue, or before somebody is put behind a relay, which
 * has to be put on it then. %NULL without memory.
 */
static struct cdevm_polled *cdevm_remember_polled(const struct file *file,
						  wait_queue_head_t *queue)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(file);
	struct cdevm_polled *polled, *spare = NULL;

	spin_lock(&bucket->lock);
	polled = cdevm_find_polled(bucket, file, queue);
	if (!polled) {
		spin_unlock(&bucket->lock);
		spare = cdevm_polled_alloc(file);
		if (!spare)
			return NULL;

		spin_lock(&bucket->lock);
		polled = cdevm_find_polled(bucket, file, queue);
		if (!polled) {
			polled = spare;
			spare = NULL;
			hlist_add_head(&polled->link, &bucket->list);
		}
	}
	if (polled->wrapped->listed)
		cdevm_to_relay(polled)->users++;
	else
		cdevm_polled_queue(polled, queue);
	spin_unlock(&bucket->lock);
	if (spare)
		cdevm_polled_free(spare);
	return polled;
}

/* The pollers are behind the relay: wake them by @queue. */
static void cdevm_relay_queue(struct cdevm_relay *relay, wait_queue_head_t *queue)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(relay->polled.file);

	spin_lock(&bucket->lock);
	cdevm_polled_queue(&relay->polled, queue);
	relay->users--;
	spin_unlock(&bucket->lock);
}

/**
 * struct cdevm_poll_table - what the driver's poll method is called with
 * @table: what it sees
 * @caller: what it stands for
 * @file: the file that is polled; a driver may name another
 * @queued: somebody was put on a queue that is remembered, or behind a relay
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
	/* First, since what is remembered has to be behind it. */
	poll->caller->_qproc(file, queue, poll->caller);
	if (cdevm_remember_polled(poll->file, queue))
		poll->queued = true;
	else
		poll->forgot = true;
}

static void cdevm_poll_relay(struct file *file, wait_queue_head_t *queue,
			     poll_table *table)
{
	struct cdevm_polled *polled;
	struct cdevm_poll_table *poll;

	poll = container_of(table, struct cdevm_poll_table, table);
	polled = cdevm_remember_polled(poll->file, queue);
	if (!polled) {
		poll->forgot = true;
		return;
	}
	poll->caller->_qproc(file, &cdevm_to_relay(polled)->pollers, poll->caller);
	cdevm_relay_queue(cdevm_to_relay(polled), queue);
	poll->queued = true;
}

/* For a caller that may stay on the queues, and cannot be on any number of them. */
static __poll_t cdevm_poll_stays(struct cdevm_fops *wrapped, struct file *file,
				 poll_table *caller)
{
	struct cdevm_poll_table poll = { .caller = caller, .file = file };
	struct cdevm_scope *scope = wrapped->scope;
	__poll_t mask;

	init_poll_funcptr(&poll.table, wrapped->listed ? cdevm_poll_relay : cdevm_poll_queue);
	poll.table._key = caller->_key;
	mask = cdevm_call(wrapped, wrapped->hangup, poll, file, &poll.table);

	/* Nobody would wake the caller, and nobody else is to learn that there is no memory. */
	if (wrapped->listed && poll.forgot)
		return EPOLLERR;
	/* A poller that is on no queue of the driver's still has to learn of it. */
	if (!poll.queued || poll.forgot)
		poll_wait(file, &scope->gone, caller);
	/*
	 * Queue first, look second: a revoke that the look misses finds the
	 * queue remembered, by the lock of the bucket.
	 */
	return cdevm_is_revoked(scope) ? wrapped->hangup : mask;
}

/* What poll() and select() have in their tables. */
static poll_queue_proc cdevm_sleeper_queue __ro_after_init;

static int __init cdevm_poll_init(void)
{
	static struct poll_wqueues wqueues __initdata;

	/* Nobody says who they are, but the table that everybody can have tells. */
	poll_initwait(&wqueues);
	cdevm_sleeper_queue = wqueues.pt._qproc;
	return 0;
}
core_initcall(cdevm_poll_init);

/* The poll method of a node. */
__poll_t cdevm_poll(struct file *file, struct poll_table_struct *table)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	__poll_t mask;

	/* Somebody who looks and does not wait. */
	if (!table || !table->_qproc)
		return cdevm_call(wrapped, wrapped->hangup, poll, file, table);
	if (table->_qproc != cdevm_sleeper_queue || wrapped->listed)
		return cdevm_poll_stays(wrapped, file, table);

	mask = cdevm_call(wrapped, wrapped->hangup, poll, file, table);
	/*
	 * What was asked for is there, so nobody is going to sleep. Not so for
	 * EPOLLPRI: select() asks for it in any case, also when it is not wanted.
	 */
	if (mask & table->_key & ~EPOLLPRI)
		return mask;
	poll_wait(file, &scope->gone, table);
	/* Queue first, look second, by the lock of the queue. */
	return cdevm_is_revoked(scope) ? wrapped->hangup : mask;
}

/* After revoke, under spinlocks. A wakeup too many does no harm. */
void cdevm_wake_polled(struct cdevm_scope *scope)
{
	struct cdevm_polled_bucket *bucket;
	struct cdevm_polled *polled;
	wait_queue_head_t *queue;

	for (bucket = cdevm_polled; bucket < cdevm_polled + ARRAY_SIZE(cdevm_polled);
	     bucket++) {
		spin_lock(&bucket->lock);
		rcu_read_lock();
		hlist_for_each_entry(polled, &bucket->list, link) {
			if (polled->wrapped->scope != scope)
				continue;
			if (polled->wrapped->listed)
				queue = &cdevm_to_relay(polled)->pollers;
			else
				/* As in cdevm_polled_leave(). */
				queue = smp_load_acquire(&polled->queue);
			if (queue)
				__wake_up(queue, TASK_NORMAL, 0,
					  poll_to_key(polled->wrapped->hangup));
		}
		rcu_read_unlock();
		spin_unlock(&bucket->lock);
	}
}

/* Before the driver's release at unbind: pollers may stay, behind the relays. */
void cdevm_unhook_polled(const struct file *file)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(file);
	struct cdevm_polled *polled;

	spin_lock(&bucket->lock);
	hlist_for_each_entry(polled, &bucket->list, link) {
		if (polled->file != file)
			continue;
		cdevm_polled_leave(polled);
		polled->queue = NULL;
	}
	spin_unlock(&bucket->lock);
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
		cdevm_polled_leave(polled);
		cdevm_polled_free(polled);
	}
	spin_unlock(&bucket->lock);
}
