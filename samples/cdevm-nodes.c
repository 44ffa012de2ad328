// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm sample: nodes of every kind in one driver
 *
 * A scope with two video nodes, a media node, a cdev and a misc device, and a
 * DRM device beside it. The "hardware" counts its accesses; each node can
 * access it.
 *
 *	/dev/videoN		two, "cdevm-nodes 0" and "cdevm-nodes 1"
 *	/dev/mediaN		model "cdevm-nodes"
 *	/dev/cdevm-nodes-cdev	cdev with a struct device of its own
 *	/dev/cdevm-nodes-misc	misc device
 *	/dev/dri/cardN		DRM device
 *
 * Two lifetimes meet here. The scope ends when the driver is unbound and the
 * last of the scope's files is closed. A DRM device has a reference count of
 * its own, which its open files hold. The files of both use struct nodes, so it
 * has to outlive both: the DRM device holds the scope, with one call of
 * resmgr_hold(). Whichever file is closed last, of whichever node, frees the
 * memory.
 *
 * Both refuse calls in the same way: the scope's gate refuses calls into its
 * nodes; drm_dev_unplug(), which is called at the same time, refuses sections
 * that begin with drm_dev_enter(). So the hardware may be devm.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/resmgr.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>

#include <media/media-cdevm.h>
#include <media/media-device.h>
#include <media/media-entity.h>
#include <media/v4l2-cdevm.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>

#include "cdevm-nodes.h"

#define NODES_NAME "cdevm-nodes"
#define NODES_VIDEOS 2

/* Counters over all bindings, to check that nothing is lost. */
static atomic_t nodes_allocs, nodes_frees;

module_param_named(allocs, nodes_allocs.counter, int, 0444);
MODULE_PARM_DESC(allocs, "private structs allocated");
module_param_named(frees, nodes_frees.counter, int, 0444);
MODULE_PARM_DESC(frees, "private structs freed");

/* The register block. It must not be accessed once the driver is unbound. */
struct nodes_hw {
	u32 count;
};

struct nodes_video {
	struct video_device vdev;
	struct media_pad pad;
};

struct nodes {
	struct cdevm_scope scope;
	struct nodes_hw *hw;
	struct mutex lock;		/* protects hw and files */
	unsigned int files;
	struct media_device mdev;
	struct v4l2_device v4l2_dev;
	struct nodes_video video[NODES_VIDEOS];
	struct device dev;
	struct cdev cdev;
	struct miscdevice misc;
};

/* In memory of its own, which DRM frees. */
struct nodes_drm {
	struct drm_device drm;
	struct nodes *nodes;
};

static dev_t nodes_devt;
static struct class *nodes_class;
static struct platform_device *nodes_pdev;

/* Called inside the gate, or in a section of the DRM device. */
static u32 nodes_ask(struct nodes *n)
{
	u32 count;

	mutex_lock(&n->lock);
	count = ++n->hw->count;
	mutex_unlock(&n->lock);
	return count;
}

/* May be called at any time until the last close. */
static void nodes_file(struct nodes *n, int change)
{
	mutex_lock(&n->lock);
	n->files += change;
	mutex_unlock(&n->lock);
}

static ssize_t nodes_answer(struct nodes *n, char __user *buf, size_t len)
{
	struct nodes_count c;

	if (len < sizeof(c))
		return -EINVAL;
	c.count = nodes_ask(n);
	return copy_to_user(buf, &c, sizeof(c)) ? -EFAULT : sizeof(c);
}

/* The cdev and the misc device */

static int nodes_open(struct nodes *n, struct file *file)
{
	nodes_file(n, 1);
	file->private_data = n;
	return nonseekable_open(file_inode(file), file);
}

static int nodes_cdev_open(struct inode *inode, struct file *file)
{
	return nodes_open(container_of(inode->i_cdev, struct nodes, cdev), file);
}

static int nodes_misc_open(struct inode *inode, struct file *file)
{
	return nodes_open(container_of(file->private_data, struct nodes, misc),
			  file);
}

static int nodes_release(struct inode *inode, struct file *file)
{
	nodes_file(file->private_data, -1);
	return 0;
}

static ssize_t nodes_read(struct file *file, char __user *buf, size_t len,
			  loff_t *ppos)
{
	return nodes_answer(file->private_data, buf, len);
}

static const struct file_operations nodes_cdev_fops = {
	.owner		= THIS_MODULE,
	.open		= nodes_cdev_open,
	.release	= nodes_release,
	.read		= nodes_read,
};

static const struct file_operations nodes_misc_fops = {
	.owner		= THIS_MODULE,
	.open		= nodes_misc_open,
	.release	= nodes_release,
	.read		= nodes_read,
};

static int nodes_add_cdev(struct nodes *n, struct device *parent)
{
	device_initialize(&n->dev);
	n->dev.parent = parent;
	n->dev.class = nodes_class;
	n->dev.devt = nodes_devt;
	n->dev.init_name = NODES_NAME "-cdev";
	cdev_init(&n->cdev, &nodes_cdev_fops);
	n->cdev.owner = THIS_MODULE;
	return cdevm_add_cdev_device(&n->scope, &n->cdev, &n->dev);
}

static int nodes_add_misc(struct nodes *n, struct device *parent)
{
	n->misc.name = NODES_NAME "-misc";
	n->misc.minor = MISC_DYNAMIC_MINOR;
	n->misc.fops = &nodes_misc_fops;
	n->misc.parent = parent;
	return cdevm_register_misc(&n->scope, &n->misc);
}

/* The video nodes and the media node */

static int nodes_video_open(struct file *file)
{
	int ret = v4l2_fh_open(file);

	if (!ret)
		nodes_file(video_drvdata(file), 1);
	return ret;
}

static int nodes_video_release(struct file *file)
{
	nodes_file(video_drvdata(file), -1);
	return v4l2_fh_release(file);
}

static ssize_t nodes_video_read(struct file *file, char __user *buf, size_t len,
				loff_t *ppos)
{
	return nodes_answer(video_drvdata(file), buf, len);
}

static const struct v4l2_file_operations nodes_video_fops = {
	.owner		= THIS_MODULE,
	.open		= nodes_video_open,
	.release	= nodes_video_release,
	.read		= nodes_video_read,
	.unlocked_ioctl	= video_ioctl2,
};

static int nodes_querycap(struct file *file, void *fh, struct v4l2_capability *cap)
{
	strscpy(cap->driver, NODES_NAME);
	strscpy(cap->card, video_devdata(file)->name);
	return 0;
}

static const struct v4l2_ioctl_ops nodes_ioctl_ops = {
	.vidioc_querycap = nodes_querycap,
};

static int nodes_add_video(struct nodes *n, int i)
{
	struct video_device *vdev = &n->video[i].vdev;
	int ret;

	n->video[i].pad.flags = MEDIA_PAD_FL_SINK;
	ret = media_entity_pads_init(&vdev->entity, 1, &n->video[i].pad);
	if (ret)
		return ret;
	/* No release function: the memory belongs to the scope. */
	snprintf(vdev->name, sizeof(vdev->name), NODES_NAME " %d", i);
	vdev->fops = &nodes_video_fops;
	vdev->ioctl_ops = &nodes_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_READWRITE;
	vdev->v4l2_dev = &n->v4l2_dev;
	video_set_drvdata(vdev, n);
	return cdevm_video_register_device(&n->scope, vdev, VFL_TYPE_VIDEO, -1);
}

static int nodes_add_media(struct nodes *n, struct device *dev)
{
	int ret, i;

	n->mdev.dev = dev;
	strscpy(n->mdev.model, NODES_NAME);
	ret = cdevm_media_device_init(&n->scope, &n->mdev);
	if (ret)
		return ret;
	n->v4l2_dev.mdev = &n->mdev;
	ret = cdevm_v4l2_device_register(&n->scope, dev, &n->v4l2_dev);
	if (ret)
		return ret;
	for (i = 0; i < NODES_VIDEOS; i++) {
		ret = nodes_add_video(n, i);
		if (ret)
			return ret;
	}
	return cdevm_media_device_register(&n->scope, &n->mdev);
}

/* The DRM device */

static struct nodes *nodes_of_drm(struct drm_device *drm)
{
	return container_of(drm, struct nodes_drm, drm)->nodes;
}

static int nodes_drm_open(struct drm_device *drm, struct drm_file *file)
{
	nodes_file(nodes_of_drm(drm), 1);
	return 0;
}

/* May be called long after the unbind, when the scope may have no open file. */
static void nodes_drm_postclose(struct drm_device *drm, struct drm_file *file)
{
	nodes_file(nodes_of_drm(drm), -1);
}

static int nodes_drm_count(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct nodes_count *c = data;
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	c->count = nodes_ask(nodes_of_drm(drm));
	drm_dev_exit(idx);
	return 0;
}

static const struct drm_ioctl_desc nodes_drm_ioctls[] = {
	{
		.cmd	= NODES_IOC_DRM_COUNT,
		.func	= nodes_drm_count,
		.name	= "NODES_IOC_DRM_COUNT",
	},
};

static const struct file_operations nodes_drm_fops = {
	.owner		= THIS_MODULE,
	.open		= drm_open,
	.release	= drm_release,
	.unlocked_ioctl	= drm_ioctl,
	.compat_ioctl	= drm_compat_ioctl,
	.poll		= drm_poll,
	.read		= drm_read,
	.fop_flags	= FOP_UNSIGNED_OFFSET,
};

static const struct drm_driver nodes_drm_driver = {
	.name		= NODES_NAME,
	.desc		= "cdevm sample",
	.major		= 1,
	.fops		= &nodes_drm_fops,
	.open		= nodes_drm_open,
	.postclose	= nodes_drm_postclose,
	.ioctls		= nodes_drm_ioctls,
	.num_ioctls	= ARRAY_SIZE(nodes_drm_ioctls),
};

static void nodes_drm_unplug(void *drm)
{
	drm_dev_unplug(drm);
}

static int nodes_add_drm(struct nodes *n, struct device *dev)
{
	struct nodes_drm *d;
	int ret;

	d = devm_drm_dev_alloc(dev, &nodes_drm_driver, struct nodes_drm, drm);
	if (IS_ERR(d))
		return PTR_ERR(d);
	d->nodes = n;
	/* The scope stays as long as the DRM device. */
	ret = resmgr_hold(&d->drm.managed.resources, &n->scope.obj);
	if (ret)
		return ret;
	ret = drm_dev_register(&d->drm, 0);
	if (ret)
		return ret;
	/* Runs with the end of the scope, before the hardware is gone. */
	ret = devm_add_unpublish_action(dev, nodes_drm_unplug, &d->drm);
	if (ret)
		drm_dev_unplug(&d->drm);
	return ret;
}

/* devm: at unbind, when no call is inside and none will be */
static void nodes_hw_off(void *data)
{
	memset(data, 0xdd, sizeof(struct nodes_hw));
}

/* cdevm: after the last close of all */
static void nodes_gone(void *data)
{
	struct nodes *n = data;

	WARN_ON(n->files);
}

static void nodes_released(struct cdevm_scope *scope)
{
	atomic_inc(&nodes_frees);
}

static const struct cdevm_ops nodes_scope_ops = {
	.released = nodes_released,
};

static int nodes_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct nodes *n;
	int ret;

	n = devm_cdevm_alloc(dev, struct nodes, scope);
	if (IS_ERR(n))
		return PTR_ERR(n);
	cdevm_set_ops(&n->scope, &nodes_scope_ops);
	atomic_inc(&nodes_allocs);

	ret = cdevm_mutex_init(&n->scope, &n->lock);
	if (ret)
		return ret;
	ret = cdevm_add_action_or_reset(&n->scope, nodes_gone, n);
	if (ret)
		return ret;

	n->hw = devm_kzalloc(dev, sizeof(*n->hw), GFP_KERNEL);
	if (!n->hw)
		return -ENOMEM;
	ret = devm_add_action_or_reset(dev, nodes_hw_off, n->hw);
	if (ret)
		return ret;

	return nodes_add_media(n, dev) ?:
	       nodes_add_drm(n, dev) ?:
	       nodes_add_cdev(n, dev) ?:
	       nodes_add_misc(n, dev);
}

static struct platform_driver nodes_driver = {
	.probe	= nodes_probe,
	.driver	= {
		.name = NODES_NAME,
	},
};

static int __init nodes_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&nodes_devt, 0, 1, NODES_NAME);
	if (ret)
		return ret;
	nodes_class = class_create(NODES_NAME);
	if (IS_ERR(nodes_class)) {
		ret = PTR_ERR(nodes_class);
		goto err_region;
	}
	ret = platform_driver_register(&nodes_driver);
	if (ret)
		goto err_class;
	nodes_pdev = platform_device_register_simple(NODES_NAME,
						     PLATFORM_DEVID_NONE,
						     NULL, 0);
	if (IS_ERR(nodes_pdev)) {
		ret = PTR_ERR(nodes_pdev);
		goto err_driver;
	}
	return 0;

err_driver:
	platform_driver_unregister(&nodes_driver);
err_class:
	class_destroy(nodes_class);
err_region:
	unregister_chrdev_region(nodes_devt, 1);
	return ret;
}
module_init(nodes_init);

/* Runs only when all files are closed: each open file holds the module. */
static void __exit nodes_exit(void)
{
	platform_device_unregister(nodes_pdev);
	platform_driver_unregister(&nodes_driver);
	class_destroy(nodes_class);
	unregister_chrdev_region(nodes_devt, 1);
}
module_exit(nodes_exit);

MODULE_DESCRIPTION("cdevm sample: nodes of every kind in one driver");
MODULE_LICENSE("GPL");
