// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: pollers
 */

/**
 * DOC: pollers
 *
 * A poller waits on queues of the driver, and must be woken when the device
 * goes. How depends on the kind of poller.
 *
 * poll() and select() sleep in the call and can be on any number of queues.
 * They are added to a queue of the scope as well, and leave it at the end of
 * the call. One that has found an event does not sleep, and is not added.
 *
 * All others stay on the queues after the call, and nothing tells when they
 * leave. Some can be on few queues only: aio refuses to poll a file with a
 * second queue, io_uring one with a third. So the driver's own queue is woken
 * for them. It is known from the driver's call of poll_wait(), and remembered
 * until the file is released.
 *
 * The hard part is a queue that is freed before the file is released. A driver
 * frees a queue that pollers may be on after wake_up_pollfree() and an RCU
 * grace period. So cdevm remembers a queue by an entry on that very queue,
 * which is woken as the pollers are. The entry forgets the queue under the
 * queue's lock, with a release store. That pairs with an acquire load of a task
 * that is about to take that lock, inside an RCU read-side critical section.
 *
 * The entry wakes nobody, and is always behind the pollers that it stands for:
 * it is moved to the tail after each of them is added, at whichever end. So
 * when it is first on the queue it stands for nobody. It then leaves at the
 * next wakeup, so waitqueue_active() does not stay true for long. It changes
 * neither the order of the other entries nor which of them are woken.
 *
 * If a file is released at unbind, its release may free such a queue while
 * pollers of all kinds are on it: they have not closed the file, and may not
 * have run since they were woken. So they are kept off. For each queue of the
 * driver there is a queue of cdevm, which the pollers are added to, and which
 * stays until the file is closed. A relay, an entry on the driver's queue,
 * wakes it whenever that is woken. The relay is removed before the driver's
 * release.
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

/*
 * So many that a bucket is short for all files that a process may have open by
 * default. Each close of a file looks at one.
 */
#define CDEVM_POLLED_BITS	10

/**
 * struct cdevm_polled - a queue that a poller of a file was added to
 * @link: link in the bucket of @file, protected by its lock
 * @wrapped: operations of @file, which holds their scope
 * @file: the file
 * @queue: the driver's queue. Set under its lock and that of the bucket, and
 *	set to %NULL under its lock alone, when @entry leaves it. Then it may be
 *	used for another queue
 * @entry: entry on @queue
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
 * @polled: the remembered queue, with the relay
 * @pollers: queue of the pollers that the relay wakes. Its lock is taken under
 *	that of the driver's queue
 * @users: number of tasks that are about to join @pollers and to put the relay
 *	on its queue. Protected by the lock of the bucket
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
 * Hashed by file, so that the many files of a device do not contend. The lock
 * of a bucket is taken outside those of wait queues.
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

/* Called with the lock of the queue held. */
static int cdevm_polled_wake(struct wait_queue_entry *entry, unsigned int mode,
			     int sync, void *key)
{
	struct cdevm_polled *polled = container_of(entry, struct cdevm_polled, entry);

	if (key_to_poll(key) & POLLFREE ||
	    list_is_first(&entry->entry, &polled->queue->head)) {
		/*
		 * A task that has read @queue before may remove the entry
		 * again.
		 */
		list_del_init(&entry->entry);
		/* The last access: @polled may be freed or reused after it. */
		smp_store_release(&polled->queue, NULL);
	}
	return 0;
}

/*
 * The same for a relay. It leaves if no poller is behind it. A new poller is
 * added first, and then checks whether the relay is on the queue.
 */
static int cdevm_relay_wake(struct wait_queue_entry *entry, unsigned int mode,
			    int sync, void *key)
{
	struct cdevm_polled *polled = container_of(entry, struct cdevm_polled, entry);
	struct cdevm_relay *relay = cdevm_to_relay(polled);
	bool freed = key_to_poll(key) & POLLFREE;

	__wake_up(&relay->pollers, mode, !freed, key);
	/*
	 * By the lock, the next poller has either been added by now, or finds
	 * the relay gone.
	 */
	if (freed || !waitqueue_active(&relay->pollers)) {
		list_del_init(&entry->entry);
		/* As in cdevm_polled_wake(). */
		smp_store_release(&polled->queue, NULL);
	}
	return 0;
}

/* Put the entry on the queue, or behind the pollers that were added since. */
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

/* Take the entry off the driver's queue. */
static void cdevm_polled_leave(struct cdevm_polled *polled)
{
	wait_queue_head_t *queue;

	/*
	 * The queue may be freed as soon as the entry has left it: hence RCU.
	 */
	rcu_read_lock();
	/*
	 * Pairs with the release in cdevm_polled_wake(), which is done with
	 * @polled.
	 */
	queue = smp_load_acquire(&polled->queue);
	if (queue)
		remove_wait_queue(queue, &polled->entry);
	rcu_read_unlock();
}

static bool cdevm_is_in_use(struct cdevm_polled *polled)
{
	return polled->wrapped->listed && cdevm_to_relay(polled)->users;
}

/* Returns the record of @file and @queue, or an unused one of @file. */
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
		/*
		 * As in cdevm_polled_leave(): nobody uses an entry that has
		 * left.
		 */
		has = smp_load_acquire(&polled->queue);
		if (has == queue)
			return polled;
		if (!has && !cdevm_is_in_use(polled))
			unused = polled;
	}
	return unused;
}

/*
 * Charged to the owner of the file, as there is at least one for each polled
 * file.
 */
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
 * Called after a poller was added to @queue, or before a poller is added behind
 * a relay, which must be put on @queue then. Returns %NULL if there is no
 * memory.
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

/* The poller is behind the relay: let @queue wake it. */
static void cdevm_relay_queue(struct cdevm_relay *relay, wait_queue_head_t *queue)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(relay->polled.file);

	spin_lock(&bucket->lock);
	cdevm_polled_queue(&relay->polled, queue);
	relay->users--;
	spin_unlock(&bucket->lock);
}

/**
 * struct cdevm_poll_table - poll table for the driver's poll method
 * @table: the table that the driver sees
 * @caller: the table of the caller
 * @file: the polled file; a driver may name another
 * @queued: a poller was added to a queue that is remembered, or behind a relay
 * @forgot: a queue could not be remembered
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
	/* Add the poller first, since the entry has to be behind it. */
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
	/*
	 * A poller that sleeps holds the file that it names here: the one with
	 * the relay, even if the driver names another.
	 */
	poll->caller->_qproc(poll->file, &cdevm_to_relay(polled)->pollers, poll->caller);
	cdevm_relay_queue(cdevm_to_relay(polled), queue);
	poll->queued = true;
}

/*
 * For a caller that may stay on the queues, and may be limited in their number.
 */
static __poll_t cdevm_poll_stays(struct cdevm_fops *wrapped, struct file *file,
				 poll_table *caller)
{
	struct cdevm_poll_table poll = { .caller = caller, .file = file };
	struct cdevm_scope *scope = wrapped->scope;
	__poll_t mask;

	WRITE_ONCE(scope->polled, true);
	/* As in cdevm_fasync_on(): a revoke that finds the call inside sees this. */
	smp_mb__before_atomic();

	init_poll_funcptr(&poll.table, wrapped->listed ? cdevm_poll_relay : cdevm_poll_queue);
	poll.table._key = caller->_key;
	mask = cdevm_call(wrapped, wrapped->hangup, poll, file, &poll.table);

	/* Nothing would wake the caller, so report an error at once. */
	if (wrapped->listed && poll.forgot)
		return EPOLLERR;
	/*
	 * A poller that is on no remembered queue still has to learn of the
	 * unbind.
	 */
	if (!poll.queued || poll.forgot)
		poll_wait(file, &scope->gone, caller);
	/*
	 * Queue first, check second: a revoke that the check misses finds the
	 * queue remembered, by the lock of the bucket.
	 */
	return cdevm_is_revoked(scope) ? wrapped->hangup : mask;
}

/* The queueing function of poll() and select(). */
static poll_queue_proc cdevm_sleeper_queue __ro_after_init;

static int __init cdevm_poll_init(void)
{
	static struct poll_wqueues wqueues __initdata;

	/* It is not exported, but any initialised table contains it. */
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

	/* The caller does not wait. */
	if (!table || !table->_qproc)
		return cdevm_call(wrapped, wrapped->hangup, poll, file, table);
	if (table->_qproc != cdevm_sleeper_queue || wrapped->listed)
		return cdevm_poll_stays(wrapped, file, table);

	mask = cdevm_call(wrapped, wrapped->hangup, poll, file, table);
	/*
	 * A requested event is there, so nobody is going to sleep. EPOLLPRI
	 * does not count: select() always requests it, even when it is not
	 * wanted.
	 */
	if (mask & table->_key & ~EPOLLPRI)
		return mask;
	poll_wait(file, &scope->gone, table);
	/* Queue first, check second, by the lock of the queue. */
	return cdevm_is_revoked(scope) ? wrapped->hangup : mask;
}

/*
 * Wake all pollers after the revoke. Takes spinlocks. A spurious wakeup does no
 * harm.
 */
void cdevm_wake_polled(struct cdevm_scope *scope)
{
	struct cdevm_polled_bucket *bucket;
	struct cdevm_polled *polled;
	wait_queue_head_t *queue;

	/* Most are not: spare them a thousand locks. */
	if (!READ_ONCE(scope->polled))
		return;

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

/*
 * Called before the driver's release at unbind: pollers may stay, behind the
 * relays.
 */
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

/* Called before the driver's release, which may free its queues. */
void cdevm_forget_polled(const struct file *file)
{
	struct cdevm_polled_bucket *bucket = cdevm_polled_bucket(file);
	struct cdevm_polled *polled;
	struct hlist_node *next;

	/*
	 * Records of this file are seen without the lock: a task that has added
	 * one held a reference on the file, and dropped it before this.
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
