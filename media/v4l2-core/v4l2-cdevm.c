// SPDX-License-Identifier: GPL-2.0
/*
 * V4L2 nodes in a cdevm scope
 *
 * A node of a scope has the V4L2 core's file operations with the scope's gate
 * in front, put in their place before the cdev is added. A node that is of no
 * scope has the core's own, so that it runs the code that it always ran.
 *
 * Who holds the scope: each open file; the cdev, which the core deletes only
 * when the last file is closed; and the struct device in struct video_device,
 * whose end is later still when something in the kernel has a reference on it.
 * So the scope is there when the core's release function has run, and struct
 * video_device and struct v4l2_device may be in its memory. The v4l2_device holds
 * the scope, too, until its last reference is dropped: the node of a subdev that
 * belongs to another device is none of the scope, and has one.
 *
 * The v4l2_device is unregistered as a devm resource, after streaming was stopped
 * and after ->remove(), either of which may call subdevs. Nodes are invisible
 * long before that; but each is held until then. The entity of a video node goes
 * with it, and a pipeline that is being stopped needs it. And a subdev is told of
 * its release by its node if it has one at the time when it is unregistered, else
 * there and then: without its node it would be told twice.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/module.h>
#include <media/v4l2-cdevm.h>
#include <media/v4l2-subdev.h>

#include "v4l2-cdevm-priv.h"

/**
 * struct cdevm_v4l2_device - a v4l2_device of a scope
 * @scope: scope that it is in, with its nodes
 * @v4l2_dev: the driver's
 * @held: its nodes, each with a reference on its device. Grows under
 *	&cdevm_scope.lock, and no more once the unpublishing has had that lock.
 *	That is over when the v4l2_device is unregistered, which takes no lock
 */
struct cdevm_v4l2_device {
	struct cdevm_scope	*scope;
	struct v4l2_device	*v4l2_dev;
	struct list_head	held;
};

/**
 * struct cdevm_video - a video node of a scope
 * @vdev: the driver's, or the core's for a subdev
 * @type: as given to video_register_device()
 * @nr: as given to video_register_device()
 * @owner: module that an open file pins, besides that of the scope
 * @held: link in &cdevm_v4l2_device.held
 */
struct cdevm_video {
	struct video_device	*vdev;
	enum vfl_devnode_type	type;
	int			nr;
	struct module		*owner;
	struct list_head	held;
};

/* The memory is the scope's, which the struct device holds until after this. */
static void cdevm_video_released(struct video_device *vdev)
{
}

static int cdevm_add_video(struct cdevm_node *node, void *data)
{
	struct cdevm_video *video = data;
	struct video_device *vdev = video->vdev;
	int ret;

	vdev->cdevm = node;
	ret = __video_register_device(vdev, video->type, video->nr, 1, video->owner);
	if (ret) {
		vdev->cdevm = NULL;
		return ret;
	}
	get_device(&vdev->dev);
	list_add(&video->held, &vdev->v4l2_dev->cdevm->held);
	return 0;
}

static void cdevm_remove_video(void *data)
{
	struct cdevm_video *video = data;

	video_unregister_device(video->vdev);
}

static const struct cdevm_node_type cdevm_video_type = {
	.name	= "video",
	.fops	= &v4l2_fops,
	.add	= cdevm_add_video,
	.remove	= cdevm_remove_video,
};

static int cdevm_publish_video(struct cdevm_scope *scope,
			       struct video_device *vdev,
			       enum vfl_devnode_type type, int nr,
			       struct module *owner)
{
	struct cdevm_video *video;

	/* Stays with the scope, also after a failure: so does the node. */
	video = cdevm_kzalloc(scope, sizeof(*video), GFP_KERNEL);
	if (!video)
		return -ENOMEM;
	video->vdev = vdev;
	video->type = type;
	video->nr = nr;
	video->owner = owner;
	return cdevm_publish_node(scope, &cdevm_video_type, vdev->name, video);
}

/**
 * cdevm_register_video() - video_register_device() for a node of a scope
 * @scope: scope
 * @vdev: zeroed and filled in as for video_register_device(); in memory of the
 *	scope. A release function is not needed; if there is one, it must not
 *	free memory of the scope
 * @type: type of node
 * @nr: number of the node, -1 for the first that is free
 *
 * It can be opened at once. It is unregistered at unbind, before ->remove().
 * @vdev->v4l2_dev must have been registered with cdevm_v4l2_device_register().
 * What else @vdev points to must live as long as the scope, too: its queue, its
 * lock, its controls.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * The device lock is not needed: ->complete() of an async notifier may do this.
 * Return: 0; -ENOMEM; -ENODEV when unbinding has begun; -EEXIST when @vdev was
 * registered already; -EINVAL with a WARN for a v4l2_device of another scope or
 * of none; what video_register_device() returns.
 */
int cdevm_register_video(struct cdevm_scope *scope, struct video_device *vdev,
			 enum vfl_devnode_type type, int nr)
{
	struct v4l2_device *v4l2_dev = vdev->v4l2_dev;

	if (WARN(!v4l2_dev || !v4l2_dev->cdevm || v4l2_dev->cdevm->scope != scope,
		 "cdevm: the v4l2_device of %s is not of its scope\n", vdev->name))
		return -EINVAL;
	if (vdev->cdevm)
		return -EEXIST;
	if (!vdev->release)
		vdev->release = cdevm_video_released;
	return cdevm_publish_video(scope, vdev, type, nr, vdev->fops->owner);
}
EXPORT_SYMBOL_GPL(cdevm_register_video);

/**
 * cdevm_register_subdev_node() - register the node of a subdev in a scope
 * @v4l2_dev: v4l2_device of a scope
 * @vdev: node of one of its subdevs
 * @owner: module of the subdev
 *
 * For v4l2_device_register_subdev_nodes().
 *
 * Context: Process context, may sleep.
 * Return: as cdevm_register_video().
 */
int cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
			       struct video_device *vdev, struct module *owner)
{
	return cdevm_publish_video(v4l2_dev->cdevm->scope, vdev, VFL_TYPE_SUBDEV,
				   -1, owner);
}

/* The last node has gone that has this for its v4l2_device, of whatever device. */
static void cdevm_v4l2_device_released(struct v4l2_device *v4l2_dev)
{
	cdevm_put(v4l2_dev->cdevm->scope);
}

static void cdevm_v4l2_device_unregister(void *data)
{
	struct cdevm_v4l2_device *dev = data;
	struct cdevm_video *video, *next;

	v4l2_device_unregister(dev->v4l2_dev);
	list_for_each_entry_safe(video, next, &dev->held, held)
		put_device(&video->vdev->dev);
	v4l2_device_put(dev->v4l2_dev);
}

/**
 * cdevm_v4l2_device_register() - v4l2_device_register() for memory of a scope
 * @scope: scope
 * @dev: the device that is being probed
 * @v4l2_dev: zeroed, or filled in as for v4l2_device_register(), but without a
 *	release function; in memory of the scope
 *
 * Undone as a devm resource of @dev. From now on
 * v4l2_device_register_subdev_nodes() publishes nodes of subdevs of this very
 * device through the scope; these subdevs have to be in memory of the scope.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; -EINVAL with a WARN for one that has a release function,
 * instead of which there is cdevm_add_action(); what v4l2_device_register()
 * returns.
 */
int cdevm_v4l2_device_register(struct cdevm_scope *scope, struct device *dev,
			       struct v4l2_device *v4l2_dev)
{
	struct cdevm_v4l2_device *cdevm;
	int ret;

	if (WARN(v4l2_dev->release, "cdevm: the v4l2_device of %s has a release function\n",
		 dev_name(dev)))
		return -EINVAL;
	cdevm = cdevm_kzalloc(scope, sizeof(*cdevm), GFP_KERNEL);
	if (!cdevm)
		return -ENOMEM;
	cdevm->scope = scope;
	cdevm->v4l2_dev = v4l2_dev;
	INIT_LIST_HEAD(&cdevm->held);

	ret = v4l2_device_register(dev, v4l2_dev);
	if (ret)
		return ret;
	v4l2_dev->cdevm = cdevm;
	v4l2_dev->release = cdevm_v4l2_device_released;
	cdevm_get(scope);
	return devm_add_action_or_reset(dev, cdevm_v4l2_device_unregister, cdevm);
}
EXPORT_SYMBOL_GPL(cdevm_v4l2_device_register);

/**
 * cdevm_v4l2_device_is_gone() - has the unbind of a v4l2_device's device begun?
 * @v4l2_dev: v4l2_device of a scope
 *
 * For v4l2-async, through v4l2_cdevm_device_is_gone().
 *
 * Context: Any context.
 * Return: true once no node of it can be published any more.
 */
bool cdevm_v4l2_device_is_gone(const struct v4l2_device *v4l2_dev)
{
	return cdevm_is_revoked(v4l2_dev->cdevm->scope);
}
EXPORT_SYMBOL_GPL(cdevm_v4l2_device_is_gone);

/**
 * cdevm_v4l2_ctrl_handler_free() - the action of cdevm_v4l2_ctrl_handler_init()
 * @hdl: &struct v4l2_ctrl_handler
 *
 * Context: Process context, may sleep.
 */
void cdevm_v4l2_ctrl_handler_free(void *hdl)
{
	v4l2_ctrl_handler_free(hdl);
}
EXPORT_SYMBOL_GPL(cdevm_v4l2_ctrl_handler_free);
