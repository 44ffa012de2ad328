// SPDX-License-Identifier: GPL-2.0
/*
 * V4L2 nodes in a cdevm scope
 */

/**
 * DOC: V4L2 nodes and their scope
 *
 * A node of a scope gets the V4L2 core's file operations with the scope's gate
 * in front, before the cdev is added. A node without a scope has the operations
 * of the core and runs the same code as ever.
 *
 * The scope is held by each open file; by the cdev, which the core deletes only
 * when the last file is closed; and by the struct device in struct
 * video_device, which may be released even later if something in the kernel has
 * a reference on it. So the scope is still there after the core's release
 * function has run, and struct video_device and struct v4l2_device may be in
 * its memory. The v4l2_device holds the scope, too, until its last reference is
 * dropped: a video node that the driver has registered without a scope has one.
 *
 * Nodes of subdevs belong to the scope of the v4l2_device, also if the subdev
 * belongs to another device, such as an I2C client: a call of such a node may
 * reach the driver of the v4l2_device, through v4l2_subdev_notify() or the
 * media graph, so it has to be over before ->remove(). The node gets only the
 * gate from the scope. The driver of the subdev takes care of the memory of the
 * subdev, as without cdevm.
 *
 * The v4l2_device is unregistered as a devm resource, after streaming was
 * stopped and after ->remove(), either of which may call subdevs. The nodes are
 * removed long before that, but each is held until then, for two reasons. The
 * entity of a video node is released with it, and a pipeline that is being
 * stopped needs it. And a subdev that has a node when it is unregistered is
 * notified of its release by the node; one without a node is notified at once.
 * If its node were gone, it would be notified twice. The node of a subdev is
 * held until that is unregistered, which may happen alone while the rest goes
 * on.
 *
 * Controls live as long as the device that has them, and the v4l2_ctrl_handler
 * of a bridge has references to those of its subdevs. When no call is inside
 * any more, the references are dropped: nothing in the kernel then finds a
 * control that is freed with its subdev. But files may have subscribed to
 * events of controls. At close the core looks the control up, and walks over
 * others that may be freed. So for a file of a scope, a subscription stores a
 * pointer to its control, and clears it when the control is freed.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <media/v4l2-cdevm.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-subdev.h>

#include "v4l2-cdevm-priv.h"

/**
 * struct cdevm_v4l2_device - a v4l2_device of a scope
 * @scope: scope of the v4l2_device and its nodes
 * @v4l2_dev: the driver's v4l2_device
 * @lock: protects @held
 * @held: its nodes, each with a reference on its device
 * @closing: taken shared to close a file of its nodes, and exclusively to stop
 *	what files have started
 */
struct cdevm_v4l2_device {
	struct cdevm_scope	*scope;
	struct v4l2_device	*v4l2_dev;
	spinlock_t		lock;	/* protects held */
	struct list_head	held;
	struct rw_semaphore	closing;
};

/**
 * struct cdevm_v4l2_stop - a stop action that excludes closing of files
 * @dev: the v4l2_device of the files
 * @action: the function
 * @data: its argument
 */
struct cdevm_v4l2_stop {
	struct cdevm_v4l2_device *dev;
	void			(*action)(void *data);
	void			*data;
};

/**
 * struct cdevm_video - a video node of a scope
 * @vdev: the driver's video device, or the core's for a subdev
 * @type: as given to video_register_device()
 * @nr: as given to video_register_device()
 * @owner: module that an open file pins, in addition to that of the scope
 * @held: link in &cdevm_v4l2_device.held
 */
struct cdevm_video {
	struct video_device	*vdev;
	enum vfl_devnode_type	type;
	int			nr;
	struct module		*owner;
	struct list_head	held;
};

/*
 * The memory belongs to the scope, which the struct device holds until after
 * this.
 */
static void cdevm_video_released(struct video_device *vdev)
{
}

static int cdevm_add_video(struct cdevm_node *node, void *data)
{
	struct cdevm_video *video = data;
	struct video_device *vdev = video->vdev;
	struct cdevm_v4l2_device *dev = vdev->v4l2_dev->cdevm;
	int ret;

	vdev->cdevm = node;
	ret = __video_register_device(vdev, video->type, video->nr, 1, video->owner);
	if (ret) {
		vdev->cdevm = NULL;
		return ret;
	}
	get_device(&vdev->dev);
	spin_lock(&dev->lock);
	list_add(&video->held, &dev->held);
	spin_unlock(&dev->lock);
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
	/* As the core reports for a node that is not registered any more. */
	.hangup	= EPOLLERR | EPOLLHUP | EPOLLPRI,
	/*
	 * Frames: vb2 counts the mappings of a buffer, and drivers without vb2
	 * do the same.
	 */
	.mappings_stay = true,
};

/* Take the first held node, or @vdev, off the list of held nodes. */
static struct video_device *cdevm_take_held(struct cdevm_v4l2_device *dev,
					    const struct video_device *vdev)
{
	struct cdevm_video *video;
	struct video_device *found = NULL;

	spin_lock(&dev->lock);
	list_for_each_entry(video, &dev->held, held) {
		if (vdev && video->vdev != vdev)
			continue;
		found = video->vdev;
		list_del(&video->held);
		break;
	}
	spin_unlock(&dev->lock);
	return found;
}

static int cdevm_publish_video(struct cdevm_scope *scope,
			       struct video_device *vdev,
			       enum vfl_devnode_type type, int nr,
			       struct module *owner)
{
	struct cdevm_video *video;

	/* This stays with the scope even after a failure, as the node does. */
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
 * cdevm_video_register_device() - register a video node of a scope
 * @scope: scope
 * @vdev: video device, zeroed and filled in as for video_register_device(); in
 *	memory of the scope. It needs no release function; if it has one, that
 *	must not free memory of the scope
 * @type: type of node
 * @nr: number of the node, -1 for the first free one
 *
 * The node can be opened at once. It is unregistered at unbind, before
 * ->remove(). @vdev->v4l2_dev must have been registered with
 * cdevm_v4l2_device_register(). Everything else that @vdev points to must live
 * as long as the scope, too: its queue, its lock, its controls.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * The device lock is not needed: ->complete() of an async notifier may do this.
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun; -EEXIST if @vdev was
 * registered already; -EINVAL with a WARN for a v4l2_device of another scope or
 * of none; the error of video_register_device().
 */
int cdevm_video_register_device(struct cdevm_scope *scope,
				struct video_device *vdev,
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
EXPORT_SYMBOL_GPL(cdevm_video_register_device);

/**
 * cdevm_register_subdev_node() - register the node of a subdev in a scope
 * @v4l2_dev: v4l2_device of a scope
 * @vdev: node of one of its subdevs, of any device
 * @owner: module of the subdev
 *
 * For v4l2_device_register_subdev_nodes().
 *
 * Context: Process context, may sleep.
 * Return: as cdevm_video_register_device().
 */
int cdevm_register_subdev_node(struct v4l2_device *v4l2_dev,
			       struct video_device *vdev, struct module *owner)
{
	return cdevm_publish_video(v4l2_dev->cdevm->scope, vdev, VFL_TYPE_SUBDEV,
				   -1, owner);
}

/**
 * cdevm_unregister_subdev_node() - undo cdevm_register_subdev_node()
 * @vdev: node; may be freed by this
 *
 * For when the subdev is unregistered, alone or with its v4l2_device; or when
 * not all nodes of the v4l2_device could be registered, so that it can be tried
 * again.
 *
 * Context: Process context, may sleep.
 */
void cdevm_unregister_subdev_node(struct video_device *vdev)
{
	struct cdevm_v4l2_device *dev = vdev->v4l2_dev->cdevm;

	cdevm_unpublish_node(vdev->cdevm);
	if (cdevm_take_held(dev, vdev))
		put_device(&vdev->dev);
}

/* The last node of this v4l2_device, of any device, was released. */
static void cdevm_v4l2_device_released(struct v4l2_device *v4l2_dev)
{
	cdevm_put(v4l2_dev->cdevm->scope);
}

static void cdevm_v4l2_device_unregister(void *data)
{
	struct cdevm_v4l2_device *dev = data;
	struct video_device *vdev;

	v4l2_device_unregister(dev->v4l2_dev);
	while ((vdev = cdevm_take_held(dev, NULL)))
		put_device(&vdev->dev);
	v4l2_device_put(dev->v4l2_dev);
}

/**
 * cdevm_v4l2_device_register() - register a v4l2_device of a scope
 * @scope: scope
 * @dev: the device that is being probed, which the scope belongs to. Video
 *	nodes may have another parent (&video_device.dev_parent)
 * @v4l2_dev: v4l2_device, zeroed or filled in as for v4l2_device_register(),
 *	but without a release function; in memory of the scope
 *
 * Undone as a devm resource of @dev. From now on
 * v4l2_device_register_subdev_nodes() publishes the nodes of subdevs through
 * the scope. Subdevs of @dev have to be in memory of the scope. The drivers of
 * other subdevs, such as I2C clients, take care of their memory.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; -EINVAL with a WARN if it has a release function (use
 * cdevm_add_action() instead), or if the scope does not belong to @dev; the
 * error of v4l2_device_register().
 */
int cdevm_v4l2_device_register(struct cdevm_scope *scope, struct device *dev,
			       struct v4l2_device *v4l2_dev)
{
	struct cdevm_v4l2_device *cdevm;
	int ret;

	if (WARN(v4l2_dev->release, "cdevm: the v4l2_device of %s has a release function\n",
		 dev_name(dev)))
		return -EINVAL;
	/*
	 * It would be unregistered with one device, and its nodes removed with
	 * the other.
	 */
	if (WARN(dev != cdevm_device(scope), "cdevm: %s has a v4l2_device in the scope of %s\n",
		 dev_name(dev), dev_name(cdevm_device(scope))))
		return -EINVAL;
	cdevm = cdevm_kzalloc(scope, sizeof(*cdevm), GFP_KERNEL);
	if (!cdevm)
		return -ENOMEM;
	cdevm->scope = scope;
	cdevm->v4l2_dev = v4l2_dev;
	spin_lock_init(&cdevm->lock);
	INIT_LIST_HEAD(&cdevm->held);
	init_rwsem(&cdevm->closing);

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
 * cdevm_begin_release() - exclude stop actions while a file is closed
 * @vdev: node of a scope
 *
 * For v4l2_release(), before it takes its first lock.
 *
 * Context: Process context, may sleep.
 */
void cdevm_begin_release(struct video_device *vdev)
{
	down_read(&vdev->v4l2_dev->cdevm->closing);
}

/**
 * cdevm_end_release() - undo cdevm_begin_release()
 * @vdev: the node
 *
 * Context: Process context.
 */
void cdevm_end_release(struct video_device *vdev)
{
	up_read(&vdev->v4l2_dev->cdevm->closing);
}

static void cdevm_v4l2_stop(void *data)
{
	struct cdevm_v4l2_stop *stop = data;

	down_write(&stop->dev->closing);
	stop->action(stop->data);
	up_write(&stop->dev->closing);
}

/**
 * cdevm_v4l2_add_stop_action() - add a stop action for contents of files
 * @v4l2_dev: v4l2_device of a scope
 * @action: function to call
 * @data: its argument
 *
 * For data in the memory of an open file of a video or subdev node, which its
 * ->release() frees. No such ->release() runs concurrently with @action. One
 * that has begun is waited for, with the hardware still there; others wait
 * until @action is done, without holding a lock of the driver.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0 or -ENOMEM.
 */
int cdevm_v4l2_add_stop_action(struct v4l2_device *v4l2_dev,
			       void (*action)(void *data), void *data)
{
	struct cdevm_v4l2_device *dev = v4l2_dev->cdevm;
	struct cdevm_v4l2_stop *stop;

	stop = cdevm_kzalloc(dev->scope, sizeof(*stop), GFP_KERNEL);
	if (!stop)
		return -ENOMEM;
	stop->dev = dev;
	stop->action = action;
	stop->data = data;
	return cdevm_add_stop_action(dev->scope, cdevm_v4l2_stop, stop);
}
EXPORT_SYMBOL_GPL(cdevm_v4l2_add_stop_action);

/**
 * cdevm_v4l2_device_is_gone() - test whether the device is being unbound
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

/*
 * Keeps the control of a subscription from being freed while the subscription
 * is ended. Taken before the lock of the control's handler.
 */
static DEFINE_MUTEX(cdevm_ctrl_lock);

/**
 * cdevm_unsubscribe_ctrl() - end a subscription to a control
 * @sev: subscription of a file of a scope
 *
 * For v4l2_ctrl_sub_ev_ops. The control may be freed.
 *
 * Context: Process context, may sleep.
 */
void cdevm_unsubscribe_ctrl(struct v4l2_subscribed_event *sev)
{
	struct v4l2_ctrl *ctrl;

	mutex_lock(&cdevm_ctrl_lock);
	ctrl = sev->ctrl;
	if (ctrl) {
		v4l2_ctrl_lock(ctrl);
		list_del(&sev->node);
		v4l2_ctrl_unlock(ctrl);
	}
	mutex_unlock(&cdevm_ctrl_lock);
}

/*
 * End the subscriptions of files of scopes to controls of @hdl if @end is true;
 * otherwise return whether there are any.
 */
static bool cdevm_unsubscribe(struct v4l2_ctrl_handler *hdl, bool end)
{
	struct v4l2_subscribed_event *sev, *next;
	struct v4l2_ctrl *ctrl;
	bool found = false;

	mutex_lock(hdl->lock);
	list_for_each_entry(ctrl, &hdl->ctrls, node) {
		list_for_each_entry_safe(sev, next, &ctrl->ev_subs, node) {
			if (!sev->fh->vdev->cdevm)
				continue;
			found = true;
			if (!end)
				break;
			list_del(&sev->node);
			sev->ctrl = NULL;
		}
	}
	mutex_unlock(hdl->lock);
	return found;
}

/**
 * cdevm_unsubscribe_ctrls() - end all subscriptions to controls of a handler
 * @hdl: handler whose controls are about to be freed
 *
 * For v4l2_ctrl_handler_free(), by any caller: the handler may be that of a
 * subdev, and the files those of a bridge that has inherited its controls.
 *
 * Context: Process context, may sleep.
 */
void cdevm_unsubscribe_ctrls(struct v4l2_ctrl_handler *hdl)
{
	/* This is rare: do not serialise all other handlers. */
	if (!cdevm_unsubscribe(hdl, false))
		return;
	mutex_lock(&cdevm_ctrl_lock);
	cdevm_unsubscribe(hdl, true);
	mutex_unlock(&cdevm_ctrl_lock);
}

static bool cdevm_has_ctrl(const struct v4l2_ctrl_handler *hdl,
			   const struct v4l2_ctrl *wanted)
{
	const struct v4l2_ctrl *ctrl;

	list_for_each_entry(ctrl, &hdl->ctrls, node)
		if (ctrl == wanted)
			return true;
	return false;
}

/**
 * cdevm_disinherit_ctrls() - drop references to controls of other handlers
 * @hdl: handler of a bridge
 * @from: handler of a subdev that is unregistered; %NULL drops all references
 *	but those to @hdl's own controls
 *
 * An inherited control may be freed already, so its content is not read.
 *
 * Context: Process context, may sleep.
 */
void cdevm_disinherit_ctrls(struct v4l2_ctrl_handler *hdl,
			    const struct v4l2_ctrl_handler *from)
{
	struct v4l2_ctrl_ref *ref, **link;
	unsigned int i;
	bool stays;

	/* A failed probe may have freed the handler by hand, and its lock. */
	if (!hdl->buckets)
		return;
	mutex_lock(hdl->lock);
	for (i = 0; i < hdl->nr_of_buckets; i++) {
		link = &hdl->buckets[i];
		while ((ref = *link)) {
			stays = from ? !cdevm_has_ctrl(from, ref->ctrl) :
				       cdevm_has_ctrl(hdl, ref->ctrl);
			if (stays) {
				link = &ref->next;
				continue;
			}
			*link = ref->next;
			list_del(&ref->node);
			if (ref->p_req_array_alloc_elems)
				kvfree(ref->p_req.p);
			kfree(ref);
		}
	}
	hdl->cached = NULL;
	mutex_unlock(hdl->lock);
}

static void cdevm_v4l2_ctrl_handler_stop(void *hdl)
{
	cdevm_disinherit_ctrls(hdl, NULL);
}

static void cdevm_v4l2_ctrl_handler_free(void *hdl)
{
	v4l2_ctrl_handler_free(hdl);
}

/**
 * cdevm_v4l2_ctrl_handler_add() - free the controls of a handler with a scope
 * @scope: scope
 * @hdl: handler in memory of the scope, after v4l2_ctrl_handler_init()
 *
 * For cdevm_v4l2_ctrl_handler_init().
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0 or -ENOMEM. The controls are freed on an error.
 */
int cdevm_v4l2_ctrl_handler_add(struct cdevm_scope *scope,
				struct v4l2_ctrl_handler *hdl)
{
	return cdevm_add_action_or_reset(scope, cdevm_v4l2_ctrl_handler_free, hdl) ?:
	       cdevm_add_stop_action(scope, cdevm_v4l2_ctrl_handler_stop, hdl);
}
EXPORT_SYMBOL_GPL(cdevm_v4l2_ctrl_handler_add);
