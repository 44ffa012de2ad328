// SPDX-License-Identifier: GPL-2.0
/*
 * The media device node in a cdevm scope
 *
 * The node itself, struct media_devnode, is the media core's, which frees it
 * after the last close. What its file operations reach, struct media_device with
 * its graph and its mutexes, is in memory of the scope; the node's struct device
 * holds the scope to its end.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/module.h>
#include <media/media-cdevm.h>

#include "mc-cdevm-priv.h"

/**
 * struct cdevm_media - a media device of a scope
 * @mdev: the driver's
 * @owner: module of the driver
 */
struct cdevm_media {
	struct media_device	*mdev;
	struct module		*owner;
};

static int cdevm_add_media(struct cdevm_node *node, void *data)
{
	struct cdevm_media *media = data;
	int ret;

	media->mdev->cdevm = node;
	ret = __media_device_register(media->mdev, media->owner);
	if (ret)
		media->mdev->cdevm = NULL;
	return ret;
}

static const struct cdevm_node_type cdevm_media_type = {
	.name	= "media",
	.fops	= &media_devnode_fops,
	.add	= cdevm_add_media,
};

/**
 * __cdevm_media_device_register() - what cdevm_media_device_register() does, with a given owner
 * @scope: scope
 * @mdev: media device
 * @owner: module of the driver
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: as cdevm_media_device_register().
 */
int __cdevm_media_device_register(struct cdevm_scope *scope,
				  struct media_device *mdev, struct module *owner)
{
	struct cdevm_media *media;

	if (WARN(mdev->ops && mdev->ops->req_queue,
		 "cdevm: %s has requests\n", mdev->model))
		return -EINVAL;
	if (mdev->cdevm)
		return -EEXIST;

	/* Stays with the scope, also after a failure: so does the node. */
	media = cdevm_kzalloc(scope, sizeof(*media), GFP_KERNEL);
	if (!media)
		return -ENOMEM;
	media->mdev = mdev;
	media->owner = owner;
	return cdevm_publish_node(scope, &cdevm_media_type, mdev->model, media);
}
EXPORT_SYMBOL_GPL(__cdevm_media_device_register);

static void cdevm_unregister_media(void *mdev)
{
	media_device_unregister(mdev);
}

static void cdevm_media_device_cleanup(void *mdev)
{
	media_device_cleanup(mdev);
}

/**
 * cdevm_media_device_init() - media_device_init() for memory of a scope
 * @scope: scope
 * @mdev: filled in as for media_device_init(), in memory of the scope
 *
 * Cleaned up with the scope: its mutexes are used at the last close of a node.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0 or -ENOMEM.
 */
int cdevm_media_device_init(struct cdevm_scope *scope, struct media_device *mdev)
{
	int ret;

	media_device_init(mdev);
	ret = cdevm_add_action_or_reset(scope, cdevm_media_device_cleanup, mdev);
	if (ret)
		return ret;
	/*
	 * Not when it is registered: that may be done without the device lock. Does
	 * nothing if it was not.
	 */
	return devm_add_action_or_reset(mdev->dev, cdevm_unregister_media, mdev);
}
EXPORT_SYMBOL_GPL(cdevm_media_device_init);
