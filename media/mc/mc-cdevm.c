// SPDX-License-Identifier: GPL-2.0
/*
 * The media device node in a cdevm scope
 */

/**
 * DOC: media device nodes and their scope
 *
 * The media core owns the node, struct media_devnode, and frees it after the
 * last close. Its file operations use struct media_device with its graph and
 * its mutexes, which is in memory of the scope. The node's struct device holds
 * the scope until its release.
 *
 * A request has a file of its own, which belongs to the scope as the file of
 * the node does: its calls reach the driver. The request may outlive its file,
 * so it holds the scope, too.
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

/* Waiters for a request ask for EPOLLPRI only. */
static const struct cdevm_node_type cdevm_request_type = {
	.name	= "request",
	.fops	= &media_request_fops,
	.hangup	= EPOLLERR | EPOLLHUP | EPOLLPRI,
};

/**
 * __cdevm_media_device_register() - register a media device with a given owner
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

	/*
	 * A media device that several drivers share has a lifetime of its own.
	 */
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
 * cdevm_media_device_init() - initialise a media device of a scope
 * @scope: scope
 * @mdev: media device, filled in as for media_device_init(), in memory of the
 *	scope. Its device need not be that of the scope
 *
 * It is cleaned up with the scope, as its mutexes are used at the last close of
 * a node.
 *
 * A media device that several drivers share, from media_device_usb_allocate(),
 * has references of its own and stays as it is. Its node has no gate.
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
	/* A request prints the name of the device when it is released. */
	get_device(mdev->dev);
	media_device_init(mdev);
	mdev->cdevm = media;
	ret = cdevm_add_action_or_reset(scope, cdevm_media_device_cleanup, mdev);
	if (ret)
		return ret;
	/*
	 * Added here and not at registration, which may be done without the
	 * device lock. Does nothing if the device was not registered.
	 */
	return devm_add_action_or_reset(cdevm_device(scope), cdevm_unregister_media,
					mdev);
}
EXPORT_SYMBOL_GPL(cdevm_media_device_init);
