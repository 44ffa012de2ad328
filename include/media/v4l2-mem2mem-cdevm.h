/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mem2mem devices whose jobs end at unbind, and whose contexts live until the last close
 *
 * A context is made by open() and freed by ->release(), which a driver does as
 * without a scope: v4l2_m2m_ctx_init(), v4l2_m2m_ctx_release(). What differs is when
 * its job is waited for. On stock that is when the file is closed, be it long after
 * the interrupt is gone that would end the job. Of a device of a scope all contexts
 * are stopped at unbind, before ->remove(): ->job_abort(), ->stop_streaming(), the end
 * of the job. For a later ->release() nothing is left to wait for.
 *
 * probe:
 *
 *	cdevm_media_device_init(&foo->scope, &foo->mdev);
 *	foo->mdev.ops = &foo_media_ops;
 *	foo->v4l2_dev.mdev = &foo->mdev;
 *	cdevm_v4l2_device_register(&foo->scope, dev, &foo->v4l2_dev);
 *	foo->m2m_dev = cdevm_v4l2_m2m_init(&foo->scope, &foo->v4l2_dev, &foo_m2m_ops);
 *	cdevm_video_register_device(&foo->scope, &foo->vdev, VFL_TYPE_VIDEO, -1);
 *	cdevm_v4l2_m2m_register_media_controller(foo->m2m_dev, &foo->vdev, function);
 *	cdevm_media_device_register(&foo->scope, &foo->mdev);
 *
 * There is nothing to do in ->remove().
 */
#ifndef _MEDIA_V4L2_MEM2MEM_CDEVM_H
#define _MEDIA_V4L2_MEM2MEM_CDEVM_H

#include <linux/cdevm.h>
#include <linux/device.h>
#include <linux/err.h>
#include <media/v4l2-cdevm.h>
#include <media/v4l2-mem2mem.h>

static inline void cdevm_v4l2_m2m_put(void *m2m_dev)
{
	v4l2_m2m_put(m2m_dev);
}

static inline void cdevm_v4l2_m2m_error(void *m2m_dev)
{
	v4l2_m2m_error(m2m_dev);
}

static inline void cdevm_v4l2_m2m_stop(void *m2m_dev)
{
	v4l2_m2m_stop(m2m_dev);
}

static inline void cdevm_v4l2_m2m_unregister_media_controller(void *m2m_dev)
{
	v4l2_m2m_unregister_media_controller(m2m_dev);
}

/**
 * cdevm_v4l2_m2m_init() - v4l2_m2m_init() for a device of a scope
 * @scope: scope
 * @v4l2_dev: of the same scope, after cdevm_v4l2_device_register()
 * @m2m_ops: as for v4l2_m2m_init()
 *
 * At unbind those who wait for a buffer are woken. When no call is inside any more, no
 * further job is run, the one that runs is aborted and waited for, and both queues of
 * each context are streamed off and their buffers freed, before ->remove() and with
 * the hardware still there. The memory is freed with the scope.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: the mem2mem device; ERR_PTR(-ENOMEM); what v4l2_m2m_init() returns.
 */
static inline struct v4l2_m2m_dev *
cdevm_v4l2_m2m_init(struct cdevm_scope *scope, struct v4l2_device *v4l2_dev,
		    const struct v4l2_m2m_ops *m2m_ops)
{
	struct v4l2_m2m_dev *m2m_dev = v4l2_m2m_init(m2m_ops);
	int ret;

	if (IS_ERR(m2m_dev))
		return m2m_dev;
	ret = cdevm_add_action_or_reset(scope, cdevm_v4l2_m2m_put, m2m_dev) ?:
	      cdevm_add_kick_action(scope, cdevm_v4l2_m2m_error, m2m_dev) ?:
	      cdevm_v4l2_add_stop_action(v4l2_dev, cdevm_v4l2_m2m_stop, m2m_dev);
	return ret ? ERR_PTR(ret) : m2m_dev;
}

/**
 * cdevm_v4l2_m2m_register_media_controller() - v4l2_m2m_register_media_controller() for a scope
 * @m2m_dev: what cdevm_v4l2_m2m_init() has returned
 * @vdev: its video node, of the same scope
 * @function: as for v4l2_m2m_register_media_controller()
 *
 * Undone as a devm resource.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; what v4l2_m2m_register_media_controller() returns.
 */
static inline int
cdevm_v4l2_m2m_register_media_controller(struct v4l2_m2m_dev *m2m_dev,
					 struct video_device *vdev, int function)
{
	return v4l2_m2m_register_media_controller(m2m_dev, vdev, function) ?:
	       devm_add_action_or_reset(vdev->v4l2_dev->dev,
					cdevm_v4l2_m2m_unregister_media_controller,
					m2m_dev);
}

#endif /* _MEDIA_V4L2_MEM2MEM_CDEVM_H */
