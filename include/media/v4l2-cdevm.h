/* SPDX-License-Identifier: GPL-2.0 */
/*
 * V4L2 nodes that live until the last close of all nodes of their driver
 */

/**
 * DOC: V4L2 nodes of a scope
 *
 * The struct video_device, the struct v4l2_device, the vb2 queue, the controls
 * and the mutex are all in memory of a cdevm scope::
 *
 *	struct foo {
 *		struct cdevm_scope scope;
 *		struct v4l2_device v4l2_dev;
 *		struct video_device vdev;
 *		struct vb2_queue queue;
 *		struct v4l2_ctrl_handler hdl;
 *		struct mutex lock;
 *	};
 *
 * In probe()::
 *
 *	foo = devm_cdevm_alloc(dev, struct foo, scope);
 *	cdevm_mutex_init(&foo->scope, &foo->lock);
 *	cdevm_v4l2_device_register(&foo->scope, dev, &foo->v4l2_dev);
 *	cdevm_v4l2_ctrl_handler_init(&foo->scope, &foo->hdl, 4);
 *	cdevm_vb2_queue_init(&foo->scope, &foo->queue);
 *	cdevm_video_register_device(&foo->scope, &foo->vdev, VFL_TYPE_VIDEO,
 *				    -1);
 *
 * ->remove() does nothing about nodes, queues and controls; it still does
 * everything else. struct video_device needs no ->release(). At unbind the
 * nodes are removed, and sleepers in VIDIOC_DQBUF wake with -ENODEV. When no
 * call is inside any more the queues are streamed off, before ->remove() and
 * with the hardware still there. Mapped frames stay mapped: they are memory.
 */
#ifndef _MEDIA_V4L2_CDEVM_H
#define _MEDIA_V4L2_CDEVM_H

#include <linux/cdevm.h>
#include <media/v4l2-common.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-subdev.h>

int cdevm_v4l2_device_register(struct cdevm_scope *scope, struct device *dev,
			       struct v4l2_device *v4l2_dev);
int cdevm_video_register_device(struct cdevm_scope *scope,
				struct video_device *vdev,
				enum vfl_devnode_type type, int nr);

/* The original name of cdevm_video_register_device(). */
#define cdevm_register_video(scope, vdev, type, nr) \
	cdevm_video_register_device(scope, vdev, type, nr)

int cdevm_v4l2_add_stop_action(struct v4l2_device *v4l2_dev,
			       void (*action)(void *data), void *data);

int cdevm_v4l2_ctrl_handler_add(struct cdevm_scope *scope,
				struct v4l2_ctrl_handler *hdl);

/**
 * cdevm_v4l2_ctrl_handler_init() - initialise controls freed with the scope
 * @s: scope
 * @hdl: &struct v4l2_ctrl_handler in memory of the scope
 * @hint: estimated number of controls
 *
 * The controls must stay that long: a file that has subscribed to events of a
 * control uses it when it is closed.
 *
 * Controls that @hdl has inherited from subdevs are freed with these. So @hdl
 * drops its references to them at unbind: when no call is inside any more,
 * before ->remove(), and after the stop actions that were added later.
 * Initialise it before the queues, whose ->stop_streaming() may look for a
 * control. If @hdl is the handler of the v4l2_device, it also drops the
 * references to the controls of a subdev that is unregistered earlier.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0 or -ENOMEM.
 */
#define cdevm_v4l2_ctrl_handler_init(s, hdl, hint)			\
({									\
	struct v4l2_ctrl_handler *__hdl = (hdl);			\
									\
	v4l2_ctrl_handler_init(__hdl, hint) ?:				\
		cdevm_v4l2_ctrl_handler_add(s, __hdl);			\
})

/**
 * cdevm_v4l2_subdev_init() - initialise a subdev of a scope
 * @scope: scope of the subdev's own device
 * @sd: subdev in memory of the scope
 * @ops: as for v4l2_subdev_init()
 *
 * Its node, which the driver of the v4l2_device registers, holds the scope
 * until the last file is closed and the node is released. Calls of the node are
 * inside the gate of this scope as well as that of the v4l2_device's scope:
 * whichever device is unbound first, they are refused and waited for.
 *
 * Calls of other drivers through v4l2_subdev_call() are not gated. They end
 * when the driver of the v4l2_device has dropped the subdev, in ->unbind() of
 * its notifier.
 *
 * Context: Any context. From probe.
 */
static inline void cdevm_v4l2_subdev_init(struct cdevm_scope *scope,
					  struct v4l2_subdev *sd,
					  const struct v4l2_subdev_ops *ops)
{
	v4l2_subdev_init(sd, ops);
	sd->cdevm = scope;
}

/**
 * cdevm_v4l2_i2c_subdev_init() - initialise an I2C subdev of a scope
 * @scope: scope of @client
 * @sd: subdev in memory of the scope
 * @client: the I2C client that is being probed
 * @ops: as for v4l2_i2c_subdev_init()
 *
 * See cdevm_v4l2_subdev_init().
 *
 * Context: Any context. From probe.
 */
static inline void cdevm_v4l2_i2c_subdev_init(struct cdevm_scope *scope,
					      struct v4l2_subdev *sd,
					      struct i2c_client *client,
					      const struct v4l2_subdev_ops *ops)
{
	v4l2_i2c_subdev_init(sd, client, ops);
	sd->cdevm = scope;
}

#ifdef CONFIG_MEDIA_CONTROLLER
static inline void cdevm_v4l2_subdev_cleanup(void *sd)
{
	v4l2_subdev_cleanup(sd);
}

/**
 * cdevm_v4l2_subdev_init_finalize() - finalise a subdev of a scope
 * @scope: scope
 * @sd: after cdevm_v4l2_subdev_init() and media_entity_pads_init()
 *
 * The active state is freed with the scope, after the last close of the node,
 * as the files use it.
 *
 * Context: Process context, may sleep. From probe.
 * Return: 0; -ENOMEM; the error of v4l2_subdev_init_finalize().
 */
#define cdevm_v4l2_subdev_init_finalize(scope, sd)			\
({									\
	struct v4l2_subdev *__sd = (sd);				\
									\
	v4l2_subdev_init_finalize(__sd) ?:				\
		cdevm_add_action_or_reset(scope, cdevm_v4l2_subdev_cleanup, \
					  __sd);			\
})

#endif /* CONFIG_MEDIA_CONTROLLER */

#endif /* _MEDIA_V4L2_CDEVM_H */
