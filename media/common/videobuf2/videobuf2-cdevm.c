// SPDX-License-Identifier: GPL-2.0
/*
 * vb2 queues in a cdevm scope
 */
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/mutex.h>
#include <media/videobuf2-cdevm.h>
#include <media/videobuf2-core.h>

/* Wake tasks that wait for a buffer, in an ioctl, in read() or in poll(). */
static void cdevm_vb2_kick(void *data)
{
	vb2_queue_error(data);
}

/*
 * Nobody can start the queue again, since every call but ->release() is
 * refused. A close that began after the revoke may be stopping the queue at
 * this moment, and must be done with the hardware when this returns: the lock
 * ensures that.
 */
static void cdevm_vb2_stop(void *data)
{
	struct vb2_queue *q = data;

	mutex_lock(q->lock);
	vb2_core_queue_release(q);
	q->owner = NULL;
	mutex_unlock(q->lock);
}

/**
 * cdevm_vb2_queue_add() - stop a queue when its scope ends
 * @scope: scope
 * @q: queue after vb2_queue_init() or vb2_core_queue_init(), with a lock; both
 *	in memory of the scope
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; -EINVAL with a WARN for a queue without a lock.
 */
int cdevm_vb2_queue_add(struct cdevm_scope *scope, struct vb2_queue *q)
{
	if (WARN(!q->lock, "cdevm: vb2 queue %s has no lock\n", q->name))
		return -EINVAL;
	return cdevm_add_kick_action(scope, cdevm_vb2_kick, q) ?:
	       cdevm_add_stop_action(scope, cdevm_vb2_stop, q);
}
EXPORT_SYMBOL_GPL(cdevm_vb2_queue_add);
