/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mem2mem devices whose jobs end at unbind, with contexts until the last close
 */

/**
 * DOC: mem2mem devices of a scope
 *
 * open() creates a context and ->release() frees it, as without a scope:
 * v4l2_m2m_ctx_init(), v4l2_m2m_ctx_release(). The difference is when its job
 * is waited for. On stock that happens when the file is closed, perhaps long
 * after the interrupt that would end the job was freed. With a scope all
 * contexts are stopped at unbind, before ->remove(): ->job_abort(),
 * ->stop_streaming(), the end of the job. A later ->release() has nothing to
 * wait for.
 *
 * In probe()::
 *
 *	cdevm_media_device_init(&foo->scope, &foo->mdev);
 *	foo->mdev.ops = &foo_media_ops;
 *	foo->v4l2_dev.mdev = &foo->mdev;
 *	cdevm_v4l2_device_register(&foo->scope, dev, &foo->v4l2_dev);
 *	foo->m2m_dev = cdevm_v4l2_m2m_init(&foo->scope, &foo->v4l2_dev,
 *					   &foo_m2m_ops);
 *	cdevm_video_register_device(&foo->scope, &foo->vdev, VFL_TYPE_VIDEO,
 *				    -1);
 *	cdevm_v4l2_m2m_register_media_controller(foo->m2m_dev, &foo->vdev,
 *						 function);
 *	cdevm_media_device_register(&foo->scope, &foo->mdev);
 *
 * ->remove() has nothing to do.
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
 * cdevm_v4l2_m2m_init() - create a mem2mem device of a scope
 * @scope: scope
 * @v4l2_dev: v4l2_device of the same scope, after cdevm_v4l2_device_register()
 * @m2m_ops: as for v4l2_m2m_init()
 *
 * At unbind tasks that wait for a buffer are woken. When no call is inside any
 * more, no further job is run, the running job is aborted and waited for, and
 * both queues of each context are streamed off and their buffers freed, before
 * ->remove() and with the hardware still there. The memory is freed with the
 * scope.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: the mem2mem device; ERR_PTR(-ENOMEM); the error of v4l2_m2m_init().
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
 * cdevm_v4l2_m2m_register_media_controller() - register its media entities
 * @m2m_dev: mem2mem device that cdevm_v4l2_m2m_init() returned
 * @vdev: its video node, of the same scope
 * @function: as for v4l2_m2m_register_media_controller()
 *
 * Undone as a devm resource.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: 0; -ENOMEM; the error of v4l2_m2m_register_media_controller().
 */
static inline int
cdevm_v4l2_m2m_register_media_controller(struct v4l2_m2m_dev *m2m_dev,
					 struct video_device *vdev, int function)
{
	/* As in the core, where there is nothing to undo then, either. */
	if (!vdev->v4l2_dev->mdev)
		return 0;
	return v4l2_m2m_register_media_controller(m2m_dev, vdev, function) ?:
	       devm_add_action_or_reset(vdev->v4l2_dev->dev,
					cdevm_v4l2_m2m_unregister_media_controller,
					m2m_dev);
}

#endif /* _MEDIA_V4L2_MEM2MEM_CDEVM_H */
