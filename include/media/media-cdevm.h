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
 * cdevm_media_device_register() - media_device_register() for a media device of a scope
 * @s: scope
 * @mdev: after cdevm_media_device_init(), in memory of the scope
 *
 * It can be opened at once. At unbind its gate closes with all others. It is
 * unregistered as a devm resource, after streaming was stopped and after
 * ->remove(): a pipeline that is being stopped needs its entities. Requests are of
 * the scope as well: set @mdev->ops before.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: 0; -ENOMEM; -EEXIST when it is registered; -ENODEV when unbinding has
 * begun; -EINVAL with a WARN for one that was not initialised for @s; what
 * media_device_register() returns.
 */
#define cdevm_media_device_register(s, mdev) \
	__cdevm_media_device_register(s, mdev, THIS_MODULE)

/* The name that it had first. */
#define cdevm_register_media(s, mdev)	cdevm_media_device_register(s, mdev)

#endif /* _MEDIA_MEDIA_CDEVM_H */
