/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vb2 queues that live until the last close of all nodes of their driver
 *
 * See v4l2-cdevm.h.
 */
#ifndef _MEDIA_VIDEOBUF2_CDEVM_H
#define _MEDIA_VIDEOBUF2_CDEVM_H

#include <linux/cdevm.h>
#include <media/videobuf2-v4l2.h>

int cdevm_vb2_queue_add(struct cdevm_scope *scope, struct vb2_queue *q);

/**
 * cdevm_vb2_queue_init() - initialise a vb2 queue in memory of a scope
 * @scope: scope
 * @q: queue, filled in as for vb2_queue_init(), with a lock in memory of the
 *	scope
 *
 * At unbind tasks that wait for a buffer are woken. When no call is inside any
 * more the queue is streamed off and its buffers are freed, before ->remove().
 * Buffers that are mapped or exported stay until they are not. They are then
 * freed with the DMA operations that the device has at that time, and into
 * reserved memory that the device may have given back. As on stock, that is
 * right for vmalloc memory and where there is no IOMMU, and not always
 * elsewhere.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; -EINVAL with a WARN for a queue without a lock; the error
 * of vb2_queue_init().
 */
static inline int cdevm_vb2_queue_init(struct cdevm_scope *scope,
				       struct vb2_queue *q)
{
	return vb2_queue_init(q) ?: cdevm_vb2_queue_add(scope, q);
}

#endif /* _MEDIA_VIDEOBUF2_CDEVM_H */
