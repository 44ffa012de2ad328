/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between mc-cdevm.c and the media core */
#ifndef _MC_CDEVM_PRIV_H
#define _MC_CDEVM_PRIV_H

#include <linux/anon_inodes.h>
#include <linux/cdevm.h>
#include <linux/fs.h>
#include <media/media-device.h>
#include <media/media-devnode.h>

extern const struct file_operations media_devnode_fops;
extern const struct file_operations media_request_fops;

/**
 * struct cdevm_media - a media device of a scope
 * @scope: scope
 * @mdev: the driver's media device
 * @owner: module of the driver
 * @node: its node, or %NULL before it is registered through the scope
 * @requests: file operations of its requests, or %NULL
 */
struct cdevm_media {
	struct cdevm_scope	*scope;
	struct media_device	*mdev;
	struct module		*owner;
	struct cdevm_node	*node;
	struct cdevm_fops	*requests;
};

#ifdef CONFIG_CDEVM

/* Called before the cdev and the device are added. */
static inline void media_cdevm_wrap(struct media_device *mdev,
				    struct media_devnode *devnode)
{
	if (!mdev->cdevm || !mdev->cdevm->node)
		return;
	cdevm_node_wrap(mdev->cdevm->node, &devnode->cdev);
	cdevm_node_hold(mdev->cdevm->node, &devnode->dev);
}

/* Returns a new file for a request. */
static inline struct file *media_cdevm_request_file(struct media_device *mdev,
						    int flags)
{
	if (mdev->cdevm && mdev->cdevm->requests)
		return cdevm_anon_inode_getfile(mdev->cdevm->requests, NULL, flags);
	return anon_inode_getfile("request", &media_request_fops, NULL, flags);
}

static inline bool media_cdevm_is_request(const struct file *file)
{
	return cdevm_file_operations(file) == &media_request_fops;
}

/*
 * A request uses the media device when it is released. Buffers in the request
 * can delay that beyond the close of its file.
 */
static inline void media_cdevm_hold_request(struct media_device *mdev)
{
	if (mdev->cdevm)
		cdevm_get(mdev->cdevm->scope);
}

/*
 * May be called in any context: while requests complete by interrupt, the
 * device is bound and has a reference on the scope.
 */
static inline void media_cdevm_put_request(struct media_device *mdev)
{
	if (mdev->cdevm)
		cdevm_put(mdev->cdevm->scope);
}

#else

static inline void media_cdevm_wrap(struct media_device *mdev,
				    struct media_devnode *devnode)
{
}

static inline struct file *media_cdevm_request_file(struct media_device *mdev,
						    int flags)
{
	return anon_inode_getfile("request", &media_request_fops, NULL, flags);
}

static inline bool media_cdevm_is_request(const struct file *file)
{
	return file->f_op == &media_request_fops;
}

static inline void media_cdevm_hold_request(struct media_device *mdev)
{
}

static inline void media_cdevm_put_request(struct media_device *mdev)
{
}

#endif

#endif /* _MC_CDEVM_PRIV_H */
