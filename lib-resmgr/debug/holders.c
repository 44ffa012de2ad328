// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: who holds which object, for RESMGR_DEBUG
 *
 * A reference is an edge from the manager of the one that holds to that of the object
 * that is held. The edges are in a hash table, by who holds. They are in memory of the
 * handle, so that nothing is allocated and a reference can be taken in any context.
 *
 * When an edge is added that closes a circle, that is reported. All in a circle have a
 * manager that ends with the last reference, but for one kind: that of a device, which
 * ends with the unbind. Nobody holds such a manager, so no circle leads through one.
 *
 * A manager is never followed here. It is compared with others, and its names were
 * copied when the reference was taken: one that has gone early, before what it holds
 * was put, is a fault of the consumer, and does no harm here.
 */
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "debugfs.h"
#include "../internal.h"

/*
 * Protects the table and the edges in it. A leaf, taken in any context but NMI; under
 * the lock of a manager, too, by the lists in debugfs.
 */
static DEFINE_SPINLOCK(resmgr_holders_lock);
static DEFINE_HASHTABLE(resmgr_holders, 8);

/* Append to @queue the edges from @by that are on none yet. */
static void resmgr_queue_held(struct list_head *queue, const struct resmgr *by)
{
	struct resmgr_holder *holder;

	lockdep_assert_held(&resmgr_holders_lock);

	hash_for_each_possible(resmgr_holders, holder, entry, (unsigned long)by)
		if (holder->by == by && list_empty(&holder->queue))
			list_add_tail(&holder->queue, queue);
}

/* Does @by hold @of, directly or through others? Breadth first: no recursion. */
static bool resmgr_holds(const struct resmgr *by, const struct resmgr *of)
{
	struct resmgr_holder *holder, *next;
	LIST_HEAD(queue);
	bool found = by == of;

	lockdep_assert_held(&resmgr_holders_lock);

	if (!found)
		resmgr_queue_held(&queue, by);
	list_for_each_entry(holder, &queue, queue) {
		if (holder->of == of) {
			found = true;
			break;
		}
		/* At the end of the list that is walked: it comes to that. */
		resmgr_queue_held(&queue, holder->of);
	}
	list_for_each_entry_safe(holder, next, &queue, queue)
		list_del_init(&holder->queue);
	return found;
}

/**
 * resmgr_holder_add() - note down who holds a reference that was just taken
 * @holder: where to, in memory of the one that holds
 * @by: manager of the one that holds; %NULL when it is not known
 * @of: manager of the object that is held
 *
 * Reports it when the object holds @by, directly or through others.
 *
 * Context: Any context but NMI.
 */
void resmgr_holder_add(struct resmgr_holder *holder, const struct resmgr *by,
		       const struct resmgr *of)
{
	unsigned long flags;
	bool circle;

	holder->by = by;
	holder->of = of;
	holder->since = ktime_get_mono_fast_ns();
	holder->caller = resmgr_caller();
	INIT_LIST_HEAD(&holder->queue);
	rcu_read_lock();
	strscpy(holder->class, by ? by->class->name : "");
	strscpy(holder->name, by ? resmgr_owner_name(by) : "(unknown)");
	rcu_read_unlock();

	spin_lock_irqsave(&resmgr_holders_lock, flags);
	circle = by && resmgr_holds(of, by);
	hash_add(resmgr_holders, &holder->entry, (unsigned long)by);
	spin_unlock_irqrestore(&resmgr_holders_lock, flags);

	if (!circle)
		return;
	rcu_read_lock();
	pr_err("resmgr: %s %s takes a reference on %s %s, which holds it (%pS): neither is ever freed\n",
	       holder->class, holder->name, of->class->name, resmgr_owner_name(of),
	       (void *)holder->caller);
	rcu_read_unlock();
}

/**
 * resmgr_holder_del() - forget about a reference that is about to be dropped
 * @holder: as given to resmgr_holder_add()
 *
 * Context: Any context but NMI.
 */
void resmgr_holder_del(struct resmgr_holder *holder)
{
	unsigned long flags;

	spin_lock_irqsave(&resmgr_holders_lock, flags);
	hash_del(&holder->entry);
	spin_unlock_irqrestore(&resmgr_holders_lock, flags);
}

/*
 * Copy the first @room of those that hold @of. Return: how many there are. Under the
 * lock of @of, so that no two readers wait for each other's.
 */
unsigned int resmgr_holders_copy(const struct resmgr *of, struct resmgr_holder *copies,
				 unsigned int room)
{
	struct resmgr_holder *holder;
	unsigned int count = 0, bucket;

	lockdep_assert_held(&of->lock);

	spin_lock(&resmgr_holders_lock);
	hash_for_each(resmgr_holders, bucket, holder, entry)
		if (holder->of == of && count++ < room)
			copies[count - 1] = *holder;
	spin_unlock(&resmgr_holders_lock);
	return count;
}
