/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Async notifiers whose connections live until the last close
 */

/**
 * DOC: async notifiers of a scope
 *
 * A driver embeds struct v4l2_async_connection in a struct of its own, which
 * its file operations use, ->release() among them. So the connections must stay
 * until the last close, when v4l2_async_nf_cleanup() is called. But after
 * unbind nothing may be bound and no callback may come, so
 * v4l2_async_nf_unregister() is called at unbind.
 *
 * In probe()::
 *
 *	cdevm_v4l2_device_register(&foo->scope, dev, &foo->v4l2_dev);
 *	cdevm_v4l2_async_nf_init(&foo->scope, &foo->notifier, &foo->v4l2_dev);
 *	cdevm_vb2_queue_init(&foo->scope, &foo->queue);
 *	v4l2_async_nf_add_fwnode_remote(&foo->notifier, ep,
 *					struct foo_connection);
 *	v4l2_async_nf_register(&foo->notifier);
 *
 * ->remove() does nothing about the notifier.
 *
 * The callbacks come from probe and unbind of other drivers: without the lock
 * of this device, and not through the gate of the scope. They are called under
 * a mutex of v4l2-async, so one at a time, and not after the notifier is
 * unregistered:
 *
 * * ->bound() and ->complete() can come until then, so even after the gate is
 *   closed. ->complete() may publish nodes with cdevm_video_register_device(),
 *   v4l2_device_register_subdev_nodes() and cdevm_media_device_register().
 *   These fail with -ENODEV once the gate is closed. v4l2-async ignores a
 *   ->complete() that fails then: the subdev is not the cause, and stays for
 *   the next binding. It does not ignore a ->bound() that fails. Both may take
 *   memory of the scope and add actions to it. Calls that add to the resources
 *   of the device itself (devm_*) or to what is undone at unbind
 *   (cdevm_vb2_queue_init(), cdevm_add_kick_action(), cdevm_add_stop_action())
 *   belong in probe().
 * * ->complete() comes again when a subdev that was gone is back. Nodes that
 *   were published stay meanwhile: publishing one again fails with -EEXIST.
 * * ->unbind() comes for each subdev that is bound when the notifier is
 *   unregistered, or earlier when only the subdev is unbound. Then calls may be
 *   inside the driver: a lock of the driver must keep them from using the
 *   subdev.
 * * ->destroy() comes when the scope is released, and without that mutex.
 */
#ifndef _MEDIA_V4L2_ASYNC_CDEVM_H
#define _MEDIA_V4L2_ASYNC_CDEVM_H

#include <linux/cdevm.h>
#include <media/v4l2-async.h>

void cdevm_v4l2_async_nf_cleanup(void *notifier);

static inline void cdevm_v4l2_async_nf_unregister(void *notifier)
{
	v4l2_async_nf_unregister(notifier);
}

/**
 * cdevm_v4l2_async_nf_init() - initialise an async notifier of a scope
 * @scope: scope
 * @notifier: notifier in memory of the scope
 * @v4l2_dev: v4l2_device of the same scope
 *
 * At unbind the notifier is unregistered, if it was registered: when no call is
 * inside any more, before ->remove(), and after the stop actions that were
 * added later. So initialise it before the queues, whose streaming is then
 * stopped while the subdevs are still there. The connections are freed with the
 * scope.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0 or -ENOMEM.
 */
static inline int cdevm_v4l2_async_nf_init(struct cdevm_scope *scope,
					   struct v4l2_async_notifier *notifier,
					   struct v4l2_device *v4l2_dev)
{
	v4l2_async_nf_init(notifier, v4l2_dev);
	return cdevm_add_action_or_reset(scope, cdevm_v4l2_async_nf_cleanup,
					 notifier) ?:
	       cdevm_add_stop_action(scope, cdevm_v4l2_async_nf_unregister,
				     notifier);
}

static inline void cdevm_v4l2_async_unregister_subdev(void *sd)
{
	v4l2_async_unregister_subdev(sd);
}

/**
 * cdevm_v4l2_async_register_subdev() - register a subdev of a scope
 * @scope: scope of the subdev's own device
 * @sd: after cdevm_v4l2_subdev_init()
 *
 * At unbind of the subdev's device it is unregistered when no call of its node
 * is inside any more, and before ->remove(). So ->unbind() of the notifier
 * tells the driver of the v4l2_device while the hardware is still there.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; the error of v4l2_async_register_subdev().
 */
static inline int cdevm_v4l2_async_register_subdev(struct cdevm_scope *scope,
						   struct v4l2_subdev *sd)
{
	int ret = cdevm_add_stop_action(scope, cdevm_v4l2_async_unregister_subdev,
					sd);

	/* Unregistering does nothing for a subdev that was not registered. */
	return ret ?: v4l2_async_register_subdev(sd);
}

#endif /* _MEDIA_V4L2_ASYNC_CDEVM_H */
