// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: holders of objects, for RESMGR_DEBUG
 *
 * A reference is an edge from the manager of the holder to that of the held
 * object. The edges are in a hash table, by holder. They are stored in the
 * handles, so nothing is allocated and a reference can be taken in any context.
 *
 * An edge that closes a circle is reported when it is added. Every manager in a
 * circle ends with the last reference on its object. The manager of a device is
 * different: it ends at unbind. Nobody holds such a manager, so no circle leads
 * through one.
 *
 * No manager is dereferenced here. Managers are only compared, and names were
 * copied when the reference was taken. A manager that is freed before the
 * references that it holds are dropped is a bug of the consumer, and does no
 * harm here.
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
 * Protects the table and the edges in it. A leaf, taken in any context but NMI,
 * and by the lists in debugfs under the lock of a manager.
 */
static DEFINE_SPINLOCK(resmgr_holders_lock);
static DEFINE_HASHTABLE(resmgr_holders, 8);

/* Append the edges from @by to @queue, unless they are on a queue already. */
static void resmgr_queue_held(struct list_head *queue, const struct resmgr *by)
{
	struct resmgr_holder *holder;

	lockdep_assert_held(&resmgr_holders_lock);

	hash_for_each_possible(resmgr_holders, holder, entry, (unsigned long)by)
		if (holder->by == by && list_empty(&holder->queue))
			list_add_tail(&holder->queue, queue);
}

/*
 * Returns true if @by holds @of, directly or through others. Breadth first: no
 * recursion.
 */
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
		/*
		 * Appended to the list that is being walked, so they are
		 * visited, too.
		 */
		resmgr_queue_held(&queue, holder->of);
	}
	list_for_each_entry_safe(holder, next, &queue, queue)
		list_del_init(&holder->queue);
	return found;
}

/**
 * resmgr_holder_add() - record the holder of a reference that was taken
 * @holder: the record, in memory of the holder
 * @by: manager of the holder; %NULL if unknown
 * @of: manager of the held object
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
	/* An owner that was never initialised has no class, and cannot hold either. */
	strscpy(holder->class, by && by->class ? by->class->name : "");
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
 * resmgr_holder_del() - drop the record of a reference about to be dropped
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
 * Copy the first @room holders of @of. Returns how many there are. Called under
 * the lock of @of, so that two readers never wait for each other.
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
