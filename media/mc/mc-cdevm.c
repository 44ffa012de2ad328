// SPDX-License-Identifier: GPL-2.0
/*
 * The media device node in a cdevm scope
 *
 * The node itself, struct media_devnode, is the media core's, which frees it
 * after the last close. What its file operations reach, struct media_device with
 * its graph and its mutexes, is in memory of the scope; the node's struct device
 * holds the scope to its end.
 *
 * A request has a file of its own, which is of the scope as that of the node is: its
 * calls reach the driver. The request may live for longer than its file, so it
 * holds the scope, too.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <media/media-cdevm.h>

#include "mc-cdevm-priv.h"

static int cdevm_add_media(struct cdevm_node *node, void *data)
{
	struct cdevm_media *media = data;
	int ret;

	media->node = node;
	ret = __media_device_register(media->mdev, media->owner);
	if (ret)
		media->node = NULL;
	return ret;
}

static const struct cdevm_node_type cdevm_media_type = {
	.name	= "media",
	.fops	= &media_devnode_fops,
	.add	= cdevm_add_media,
};

/* Whoever waits for a request asks for EPOLLPRI, and for nothing else. */
static const struct cdevm_node_type cdevm_request_type = {
	.name	= "request",
	.fops	= &media_request_fops,
	.hangup	= EPOLLERR | EPOLLHUP | EPOLLPRI,
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
	struct cdevm_media *media = mdev->cdevm;

	/* One that several drivers share has a lifetime of its own. */
	if (WARN(!media || media->scope != scope,
		 "cdevm: the media device %s is not of this scope\n", mdev->model))
		return -EINVAL;
	if (media->node)
		return -EEXIST;

	media->owner = owner;
	if (mdev->ops && mdev->ops->req_queue && !media->requests) {
		media->requests = cdevm_wrap_files(scope, &cdevm_request_type);
		if (!media->requests)
			return -ENOMEM;
	}
	return cdevm_publish_node(scope, &cdevm_media_type, mdev->model, media);
}
EXPORT_SYMBOL_GPL(__cdevm_media_device_register);

static void cdevm_unregister_media(void *mdev)
{
	media_device_unregister(mdev);
}

static void cdevm_media_device_cleanup(void *data)
{
	struct media_device *mdev = data;

	media_device_cleanup(mdev);
	put_device(mdev->dev);
}

/**
 * cdevm_media_device_init() - media_device_init() for memory of a scope
 * @scope: scope
 * @mdev: filled in as for media_device_init(), in memory of the scope. Its device
 *	need not be that of the scope
 *
 * Cleaned up with the scope: its mutexes are used at the last close of a node.
 *
 * A media device that several drivers share, as media_device_usb_allocate() makes
 * it, has references of its own, and is left as it is. Its node has no gate then.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0 or -ENOMEM.
 */
int cdevm_media_device_init(struct cdevm_scope *scope, struct media_device *mdev)
{
	struct cdevm_media *media;
	int ret;

	media = cdevm_kzalloc(scope, sizeof(*media), GFP_KERNEL);
	if (!media)
		return -ENOMEM;
	media->scope = scope;
	media->mdev = mdev;
	/* A request names the device when it is released. */
	get_device(mdev->dev);
	media_device_init(mdev);
	mdev->cdevm = media;
	ret = cdevm_add_action_or_reset(scope, cdevm_media_device_cleanup, mdev);
	if (ret)
		return ret;
	/*
	 * Not when it is registered: that may be done without the device lock. Does
	 * nothing if it was not.
	 */
	return devm_add_action_or_reset(cdevm_device(scope), cdevm_unregister_media,
					mdev);
}
EXPORT_SYMBOL_GPL(cdevm_media_device_init);
