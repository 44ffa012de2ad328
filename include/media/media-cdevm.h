/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Media devices that live until the last close of all nodes of their driver
 *
 * See v4l2-cdevm.h.
 */
#ifndef _MEDIA_MEDIA_CDEVM_H
#define _MEDIA_MEDIA_CDEVM_H

#include <linux/cdevm.h>
#include <media/media-device.h>

int cdevm_media_device_init(struct cdevm_scope *scope, struct media_device *mdev);
int __cdevm_media_device_register(struct cdevm_scope *scope,
				  struct media_device *mdev, struct module *owner);

/**
 * cdevm_media_device_register() - register a media device of a scope
 * @s: scope
 * @mdev: after cdevm_media_device_init(), in memory of the scope
 *
 * Its node can be opened at once. At unbind its gate closes with all others. It
 * is unregistered as a devm resource, after streaming was stopped and after
 * ->remove(): a pipeline that is being stopped needs its entities. Requests
 * belong to the scope as well: set @mdev->ops before.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: 0; -ENOMEM; -EEXIST if it is registered already; -ENODEV if unbinding
 * has begun; -EINVAL with a WARN if it was not initialised for @s; the error of
 * media_device_register().
 */
#define cdevm_media_device_register(s, mdev) \
	__cdevm_media_device_register(s, mdev, THIS_MODULE)

/* The original name. */
#define cdevm_register_media(s, mdev)	cdevm_media_device_register(s, mdev)

#endif /* _MEDIA_MEDIA_CDEVM_H */
