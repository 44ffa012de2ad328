/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interface between v4l2-cdevm.c and the V4L2 core
 *
 * The core calls these where it matters whether a node belongs to a cdevm
 * scope.
 */
#ifndef _V4L2_CDEVM_PRIV_H
#define _V4L2_CDEVM_PRIV_H

#include <linux/cdevm.h>
#include <linux/cdevm_call.h>
#include <linux/fs.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-subdev.h>

struct v4l2_ctrl_handler;

extern const struct file_operations v4l2_fops;

#ifdef CONFIG_CDEVM

int cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
			       struct video_device *vdev, struct module *owner);
void cdevm_unregister_subdev_node(struct video_device *vdev);
void cdevm_begin_release(struct video_device *vdev);
void cdevm_end_release(struct video_device *vdev);
bool cdevm_v4l2_device_is_gone(const struct v4l2_device *v4l2_dev);
void cdevm_disinherit_ctrls(struct v4l2_ctrl_handler *hdl,
			    const struct v4l2_ctrl_handler *from);
void cdevm_unsubscribe_ctrl(struct v4l2_subscribed_event *sev);
void cdevm_unsubscribe_ctrls(struct v4l2_ctrl_handler *hdl);

/* Called before cdev_add(). */
static inline void v4l2_cdevm_wrap(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_node_wrap(vdev->cdevm, vdev->cdev);
}

/* Called after the release function of the device has been set. */
static inline void v4l2_cdevm_hold(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_node_hold(vdev->cdevm, &vdev->dev);
}

/*
 * Returns true if the unbind of the node's device has begun. False for a node
 * without a scope.
 */
static inline bool v4l2_cdevm_is_gone(const struct video_device *vdev)
{
	return vdev->cdevm && cdevm_is_revoked(cdevm_node_scope(vdev->cdevm));
}

/* The same for the device of a v4l2_device. False for %NULL. */
static inline bool
v4l2_cdevm_device_is_gone(const struct v4l2_device *v4l2_dev)
{
	return v4l2_dev && v4l2_dev->cdevm && cdevm_v4l2_device_is_gone(v4l2_dev);
}

/*
 * Returns the scope whose memory a subdev is in, which may be that of another
 * device.
 */
static inline struct cdevm_scope *
v4l2_cdevm_subdev_scope(const struct v4l2_subdev *sd)
{
	return sd->cdevm;
}

/* The node of a subdev uses it until the node is released. */
static inline void v4l2_cdevm_get(struct cdevm_scope *scope)
{
	if (scope)
		cdevm_get(scope);
}

static inline void v4l2_cdevm_put(struct cdevm_scope *scope)
{
	if (scope)
		cdevm_put(scope);
}

/*
 * Begin a call of the node of a subdev, which is already inside the gate of the
 * v4l2_device's scope, if there is one. The gate of the subdev's scope keeps
 * the subdev's device from being unbound meanwhile.
 */
static inline bool v4l2_cdevm_enter_subdev(struct cdevm_call *call,
					   struct video_device *vdev,
					   const char *method)
{
	struct cdevm_scope *scope = vdev_to_v4l2_subdev(vdev)->cdevm;

	call->scope = scope;
	if (!scope)
		return true;
	if (!cdevm_enter(scope))
		return false;
	cdevm_push_call(call, scope, method, (void *)vdev->fops->unlocked_ioctl);
	return true;
}

/* The subdev is not accessed: one of no scope may be freed meanwhile. */
static inline void v4l2_cdevm_exit_subdev(struct cdevm_call *call)
{
	struct cdevm_scope *scope = call->scope;

	if (!scope)
		return;
	cdevm_pop_call(call);
	cdevm_exit(scope);
}

/*
 * Called around ->release(): it may free memory that is used by what is stopped
 * at unbind.
 */
static inline void v4l2_cdevm_begin_release(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_begin_release(vdev);
}

static inline void v4l2_cdevm_end_release(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_end_release(vdev);
}

/*
 * The node of a subdev of any device: its calls reach the driver of the
 * v4l2_device through v4l2_subdev_notify(), and must not do so in the driver's
 * ->remove().
 */
static inline int
v4l2_cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
				struct video_device *vdev, struct module *owner)
{
	if (v4l2_dev->cdevm)
		return cdevm_register_subdev_node(v4l2_dev, vdev, owner);
	return __video_register_device(vdev, VFL_TYPE_SUBDEV, -1, 1, owner);
}

static inline void v4l2_cdevm_unregister_subdev_node(struct video_device *vdev)
{
	if (vdev->cdevm)
		cdevm_unregister_subdev_node(vdev);
	else
		video_unregister_device(vdev);
}

/*
 * A subdev is unregistered: drop the references to the controls that @v4l2_dev
 * has inherited from it. When the device of @v4l2_dev is unbound, that is done
 * already, and its handler may be freed.
 */
static inline void v4l2_cdevm_disinherit(struct v4l2_device *v4l2_dev,
					 const struct v4l2_ctrl_handler *from)
{
	if (v4l2_dev->cdevm && v4l2_dev->ctrl_handler && from &&
	    !cdevm_v4l2_device_is_gone(v4l2_dev))
		cdevm_disinherit_ctrls(v4l2_dev->ctrl_handler, from);
}

/*
 * End a subscription to a control, which may be freed. Returns false for a node
 * without a scope.
 */
static inline bool v4l2_cdevm_unsubscribe_ctrl(struct v4l2_subscribed_event *sev)
{
	if (!sev->fh->vdev->cdevm)
		return false;
	cdevm_unsubscribe_ctrl(sev);
	return true;
}

/* The controls of a handler are about to be freed. */
static inline void v4l2_cdevm_unsubscribe_ctrls(struct v4l2_ctrl_handler *hdl)
{
	cdevm_unsubscribe_ctrls(hdl);
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

static inline struct cdevm_scope *
v4l2_cdevm_subdev_scope(const struct v4l2_subdev *sd)
{
	return NULL;
}

static inline void v4l2_cdevm_get(struct cdevm_scope *scope) { }
static inline void v4l2_cdevm_put(struct cdevm_scope *scope) { }

static inline bool v4l2_cdevm_enter_subdev(struct cdevm_call *call,
					   struct video_device *vdev,
					   const char *method)
{
	return true;
}

static inline void v4l2_cdevm_exit_subdev(struct cdevm_call *call) { }

static inline void v4l2_cdevm_begin_release(struct video_device *vdev) { }
static inline void v4l2_cdevm_end_release(struct video_device *vdev) { }

static inline int
v4l2_cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
				struct video_device *vdev, struct module *owner)
{
	return __video_register_device(vdev, VFL_TYPE_SUBDEV, -1, 1, owner);
}

static inline void v4l2_cdevm_unregister_subdev_node(struct video_device *vdev)
{
	video_unregister_device(vdev);
}

static inline void v4l2_cdevm_disinherit(struct v4l2_device *v4l2_dev,
					 const struct v4l2_ctrl_handler *from)
{
}

static inline bool v4l2_cdevm_unsubscribe_ctrl(struct v4l2_subscribed_event *sev)
{
	return false;
}

static inline void v4l2_cdevm_unsubscribe_ctrls(struct v4l2_ctrl_handler *hdl)
{
}

#endif

#endif /* _V4L2_CDEVM_PRIV_H */
