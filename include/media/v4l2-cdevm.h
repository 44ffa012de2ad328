/* SPDX-License-Identifier: GPL-2.0 */
/*
 * V4L2 nodes that live until the last close of all nodes of their driver
 *
 * The struct video_device, the struct v4l2_device, the vb2 queue, the controls
 * and the mutex are all in memory of a cdevm scope:
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
 * probe:
 *
 *	foo = devm_cdevm_alloc(dev, struct foo, scope);
 *	cdevm_mutex_init(&foo->scope, &foo->lock);
 *	cdevm_v4l2_device_register(&foo->scope, dev, &foo->v4l2_dev);
 *	cdevm_v4l2_ctrl_handler_init(&foo->scope, &foo->hdl, 4);
 *	cdevm_vb2_queue_init(&foo->scope, &foo->queue);
 *	cdevm_register_video(&foo->scope, &foo->vdev, VFL_TYPE_VIDEO, -1);
 *
 * There is nothing to do in ->remove(), and no ->release() in struct
 * video_device. At unbind the nodes go and whoever sleeps in VIDIOC_DQBUF wakes
 * with -ENODEV; when no call is inside any more the queues are streamed off,
 * before ->remove() and with the hardware still there.
 *
 * See Documentation/driver-api/driver-model/cdevm.rst.
 */
#ifndef _MEDIA_V4L2_CDEVM_H
#define _MEDIA_V4L2_CDEVM_H

#include <linux/cdevm.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>

int cdevm_v4l2_device_register(struct cdevm_scope *scope, struct device *dev,
			       struct v4l2_device *v4l2_dev);
int cdevm_register_video(struct cdevm_scope *scope, struct video_device *vdev,
			 enum vfl_devnode_type type, int nr);

void cdevm_v4l2_ctrl_handler_free(void *hdl);

/**
 * cdevm_v4l2_ctrl_handler_init() - initialise controls that are freed with the scope
 * @s: scope
 * @hdl: &struct v4l2_ctrl_handler in memory of the scope
 * @hint: about how many controls there will be
 *
 * A file that has subscribed to the events of a control reaches it when it is
 * closed.
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
#define cdevm_v4l2_ctrl_handler_init(s, hdl, hint)			\
({									\
	struct v4l2_ctrl_handler *__hdl = (hdl);			\
									\
	v4l2_ctrl_handler_init(__hdl, hint) ?:				\
		cdevm_add_action_or_reset(s, cdevm_v4l2_ctrl_handler_free, \
					  __hdl);			\
})

/*
 * What the V4L2 core asks at the places where it makes a difference whether a
 * node is of a scope.
 */
#ifdef CONFIG_CDEVM

int cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
			       struct video_device *vdev, struct module *owner);
bool cdevm_v4l2_device_is_gone(const struct v4l2_device *v4l2_dev);

/* Before cdev_add(). */
static inline void v4l2_cdevm_wrap(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_node_wrap(vdev->cdevm, vdev->cdev);
}

/* When the release function of the device has been set. */
static inline void v4l2_cdevm_hold(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_node_hold(vdev->cdevm, &vdev->dev);
}

/* Has the unbind of the node's device begun? False for a node of no scope. */
static inline bool v4l2_cdevm_is_gone(const struct video_device *vdev)
{
	return vdev->cdevm && cdevm_is_revoked(cdevm_node_scope(vdev->cdevm));
}

/* That of the device that a v4l2_device is for? False for none. */
static inline bool
v4l2_cdevm_device_is_gone(const struct v4l2_device *v4l2_dev)
{
	return v4l2_dev && v4l2_dev->cdevm && cdevm_v4l2_device_is_gone(v4l2_dev);
}

/*
 * What a method returns to the user: a call that was woken by the unbind, and
 * has failed in whatever way of its own, has failed because the device has gone.
 */
static inline long v4l2_cdevm_result(const struct video_device *vdev, long ret)
{
	return ret < 0 && v4l2_cdevm_is_gone(vdev) ? -ENODEV : ret;
}

/* Has the node of this subdev to be published through the scope of the device? */
static inline bool v4l2_cdevm_has_subdev(const struct v4l2_device *v4l2_dev,
					 const struct v4l2_subdev *sd)
{
	/* The memory of another device's subdev is that device's business. */
	return v4l2_dev->cdevm && (!sd->dev || sd->dev == v4l2_dev->dev);
}

#else

static inline void v4l2_cdevm_wrap(struct video_device *vdev) { }
static inline void v4l2_cdevm_hold(struct video_device *vdev) { }

static inline bool v4l2_cdevm_is_gone(const struct video_device *vdev)
{
	return false;
}

static inline bool
v4l2_cdevm_device_is_gone(const struct v4l2_device *v4l2_dev)
{
	return false;
}

static inline long v4l2_cdevm_result(const struct video_device *vdev, long ret)
{
	return ret;
}

static inline bool v4l2_cdevm_has_subdev(const struct v4l2_device *v4l2_dev,
					 const struct v4l2_subdev *sd)
{
	return false;
}

static inline int cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
					     struct video_device *vdev,
					     struct module *owner)
{
	return -ENODEV;
}

#endif

#endif /* _MEDIA_V4L2_CDEVM_H */
