/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Async notifiers whose connections live until the last close
 *
 * A driver embeds struct v4l2_async_connection in a struct of its own, which its
 * file operations reach, ->release() among them. So the connections have to stay
 * until the last close, and v4l2_async_nf_cleanup() is for then. But nothing is
 * to be bound any more, and no callback is to come, when the driver is unbound:
 * v4l2_async_nf_unregister() is for then.
 *
 * probe:
 *
 *	cdevm_v4l2_device_register(&foo->scope, dev, &foo->v4l2_dev);
 *	cdevm_v4l2_async_nf_init(&foo->scope, &foo->notifier, &foo->v4l2_dev);
 *	cdevm_vb2_queue_init(&foo->scope, &foo->queue);
 *	v4l2_async_nf_add_fwnode_remote(&foo->notifier, ep, struct foo_connection);
 *	v4l2_async_nf_register(&foo->notifier);
 *
 * ->remove() does nothing about the notifier.
 *
 * The callbacks come from the probes and the unbinds of other drivers: without
 * the lock of this device, and not through the gate of the scope. Each is called
 * under a mutex of v4l2-async, so one at a time, and not after the notifier is
 * unregistered:
 *
 * ->bound() and ->complete() can come until then, so when the gate is closed
 *	already. ->complete() may publish nodes: cdevm_video_register_device(),
 *	v4l2_device_register_subdev_nodes(), cdevm_media_device_register(). When the gate
 *	is closed these fail with -ENODEV, and v4l2-async takes no notice if
 *	->complete() fails then: the subdev is not to blame, and stays for the next
 *	binding. That is not so for ->bound(). What takes memory of the scope or adds
 *	an action to it, is fine in both. What adds to the device's own resources
 *	(devm_*()) or to those that are undone at unbind (cdevm_vb2_queue_init(),
 *	cdevm_add_kick_action(), cdevm_add_stop_action()) belongs in probe.
 *
 * ->complete() comes again when a subdev that had gone is back. Nodes that were
 *	published stay meanwhile: to publish one again is -EEXIST.
 *
 * ->unbind() comes for each subdev that is bound when the notifier is
 *	unregistered, or earlier when the subdev goes by itself. Then there may be
 *	calls inside the driver: a lock of the driver's keeps them from the subdev.
 *
 * ->destroy() comes when the scope goes.
 */
#ifndef _MEDIA_V4L2_ASYNC_CDEVM_H
#define _MEDIA_V4L2_ASYNC_CDEVM_H

#include <linux/cdevm.h>
#include <media/v4l2-async.h>

static inline void cdevm_v4l2_async_nf_cleanup(void *notifier)
{
	v4l2_async_nf_cleanup(notifier);
}

static inline void cdevm_v4l2_async_nf_unregister(void *notifier)
{
	v4l2_async_nf_unregister(notifier);
}

/**
 * cdevm_v4l2_async_nf_init() - v4l2_async_nf_init() for a notifier of a scope
 * @scope: scope
 * @notifier: in memory of the scope
 * @v4l2_dev: of the same scope
 *
 * At unbind the notifier is unregistered, if it was registered: when no call is
 * inside any more, before ->remove(), and after all that got its stop action
 * later than this. So initialise it before the queues, for which streaming is
 * stopped with the subdevs still there. The connections are freed with the
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
 * cdevm_v4l2_async_register_subdev() - v4l2_async_register_subdev() for a subdev of a scope
 * @scope: scope of the subdev's own device
 * @sd: after cdevm_v4l2_subdev_init()
 *
 * At unbind of the subdev's device it is unregistered when no call of its node is
 * inside any more, and before ->remove(): with the hardware still there the driver
 * of the v4l2_device is told, by ->unbind() of its notifier.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; what v4l2_async_register_subdev() returns.
 */
static inline int cdevm_v4l2_async_register_subdev(struct cdevm_scope *scope,
						   struct v4l2_subdev *sd)
{
	int ret = cdevm_add_stop_action(scope, cdevm_v4l2_async_unregister_subdev,
					sd);

	/* Does nothing for one that was not registered. */
	return ret ?: v4l2_async_register_subdev(sd);
}

#endif /* _MEDIA_V4L2_ASYNC_CDEVM_H */
