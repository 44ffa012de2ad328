// SPDX-License-Identifier: GPL-2.0
/*
 * A mem2mem device whose job ends by an interrupt, or not at all
 *
 * The hardware is given a job and does not finish it by itself: only ->job_abort()
 * makes it raise its interrupt, and only while the driver is bound. The driver is
 * the same on both kernels but for probe and remove; where there is a scope, it uses
 * one.
 *
 * Parameters:
 *
 *	runs		how many jobs were begun
 *	stops		how often a queue was streamed off
 *	late		how much of both was in ->remove() or later
 *	unstick		write it to end a job that is stuck for ever, so that a test can end
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#include <media/v4l2-mem2mem.h>
#include <media/videobuf2-v4l2.h>
#include <media/videobuf2-vmalloc.h>

#if __has_include(<media/v4l2-mem2mem-cdevm.h>)
#include <media/v4l2-mem2mem-cdevm.h>
#define SCOPED 1
#endif

/* As in kunit/devres: what came between the two kernels. */
#ifdef DEVICE_ATTR_RO_NAMED
#define m2m_fh_add(fh, file)	v4l2_fh_add(fh, file)
#define m2m_fh_del(fh, file)	v4l2_fh_del(fh, file)
#define M2M_VB2_WAIT
#else
#define m2m_fh_add(fh, file)	(v4l2_fh_add(fh), (file)->private_data = (fh))
#define m2m_fh_del(fh, file)	v4l2_fh_del(fh)
#define M2M_VB2_WAIT						\
	.wait_prepare		= vb2_ops_wait_prepare,		\
	.wait_finish		= vb2_ops_wait_finish,
#endif

#define M2M "board-m2m"
/* As vim2m has it at first, and more than vicodec's smallest frame. */
#define SIZE (640 * 480 * 2)

static unsigned int runs, stops, late;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how many jobs were begun");
module_param(stops, uint, 0444);
MODULE_PARM_DESC(stops, "how often a queue was streamed off");
module_param(late, uint, 0444);
MODULE_PARM_DESC(late, "how much of both was in ->remove() or later");

struct m2m {
#ifdef SCOPED
	struct cdevm_scope scope;
#endif
	struct v4l2_device v4l2_dev;
	struct video_device vdev;
	struct mutex lock;		/* serialises ioctls, and is that of all queues */
	struct v4l2_m2m_dev *m2m_dev;
	struct work_struct irq;
	bool removed;
};

struct m2m_ctx {
	struct v4l2_fh fh;
	struct m2m *m2m;
};

static DEFINE_MUTEX(stuck_lock);	/* protects the_m2m */
static struct m2m *the_m2m;		/* while a job can be stuck */

static void m2m_end_job(struct m2m *m)
{
	struct m2m_ctx *ctx = v4l2_m2m_get_curr_priv(m->m2m_dev);

	if (ctx)
		v4l2_m2m_job_finish(m->m2m_dev, ctx->fh.m2m_ctx);
}

/* Its handler. */
static void m2m_irq(struct work_struct *work)
{
	m2m_end_job(container_of(work, struct m2m, irq));
}

static int m2m_unstick(const char *val, const struct kernel_param *kp)
{
	mutex_lock(&stuck_lock);
	if (the_m2m)
		m2m_end_job(the_m2m);
	mutex_unlock(&stuck_lock);
	return 0;
}

static const struct kernel_param_ops m2m_unstick_ops = { .set = m2m_unstick };
module_param_cb(unstick, &m2m_unstick_ops, NULL, 0200);
MODULE_PARM_DESC(unstick, "end a job that is stuck for ever");

static void m2m_device_run(void *priv)
{
	struct m2m_ctx *ctx = priv;

	runs++;
	late += READ_ONCE(ctx->m2m->removed);
}

static void m2m_job_abort(void *priv)
{
	struct m2m_ctx *ctx = priv;

	/* The interrupt was given back in ->remove(). */
	if (!READ_ONCE(ctx->m2m->removed))
		schedule_work(&ctx->m2m->irq);
}

static const struct v4l2_m2m_ops m2m_ops = {
	.device_run	= m2m_device_run,
	.job_abort	= m2m_job_abort,
};

static int m2m_queue_setup(struct vb2_queue *q, unsigned int *nbuffers,
			   unsigned int *nplanes, unsigned int sizes[],
			   struct device *alloc_devs[])
{
	*nplanes = 1;
	sizes[0] = SIZE;
	return 0;
}

static int m2m_out_validate(struct vb2_buffer *vb)
{
	to_vb2_v4l2_buffer(vb)->field = V4L2_FIELD_NONE;
	return 0;
}

static int m2m_buf_prepare(struct vb2_buffer *vb)
{
	vb2_set_plane_payload(vb, 0, SIZE);
	return 0;
}

static void m2m_buf_queue(struct vb2_buffer *vb)
{
	struct m2m_ctx *ctx = vb2_get_drv_priv(vb->vb2_queue);

	v4l2_m2m_buf_queue(ctx->fh.m2m_ctx, to_vb2_v4l2_buffer(vb));
}

static int m2m_start_streaming(struct vb2_queue *q, unsigned int count)
{
	return 0;
}

static void m2m_stop_streaming(struct vb2_queue *q)
{
	struct m2m_ctx *ctx = vb2_get_drv_priv(q);
	struct vb2_v4l2_buffer *vb;

	/* As VIDIOC_STREAMOFF has it. */
	lockdep_assert_held(q->lock);
	stops++;
	late += READ_ONCE(ctx->m2m->removed);
	while ((vb = V4L2_TYPE_IS_OUTPUT(q->type) ?
		     v4l2_m2m_src_buf_remove(ctx->fh.m2m_ctx) :
		     v4l2_m2m_dst_buf_remove(ctx->fh.m2m_ctx)))
		v4l2_m2m_buf_done(vb, VB2_BUF_STATE_ERROR);
}

static const struct vb2_ops m2m_vb2_ops = {
	.queue_setup		= m2m_queue_setup,
	.buf_out_validate	= m2m_out_validate,
	.buf_prepare		= m2m_buf_prepare,
	.buf_queue		= m2m_buf_queue,
	.start_streaming	= m2m_start_streaming,
	.stop_streaming		= m2m_stop_streaming,
	M2M_VB2_WAIT
};

static int m2m_one_queue(struct m2m_ctx *ctx, struct vb2_queue *q, unsigned int type)
{
	q->type = type;
	q->io_modes = VB2_MMAP | VB2_DMABUF;
	q->drv_priv = ctx;
	q->buf_struct_size = sizeof(struct v4l2_m2m_buffer);
	q->ops = &m2m_vb2_ops;
	q->mem_ops = &vb2_vmalloc_memops;
	q->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_COPY;
	q->lock = &ctx->m2m->lock;
	return vb2_queue_init(q);
}

static int m2m_queues(void *priv, struct vb2_queue *src, struct vb2_queue *dst)
{
	return m2m_one_queue(priv, src, V4L2_BUF_TYPE_VIDEO_OUTPUT) ?:
	       m2m_one_queue(priv, dst, V4L2_BUF_TYPE_VIDEO_CAPTURE);
}

static int m2m_open(struct file *file)
{
	struct m2m *m = video_drvdata(file);
	struct m2m_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	struct v4l2_m2m_ctx *m2m_ctx;

	if (!ctx)
		return -ENOMEM;
	ctx->m2m = m;
	m2m_ctx = v4l2_m2m_ctx_init(m->m2m_dev, ctx, m2m_queues);
	if (IS_ERR(m2m_ctx)) {
		kfree(ctx);
		return PTR_ERR(m2m_ctx);
	}
	v4l2_fh_init(&ctx->fh, &m->vdev);
	ctx->fh.m2m_ctx = m2m_ctx;
	m2m_fh_add(&ctx->fh, file);
	return 0;
}

/* With the lock of its queues, as most drivers do it. */
static int m2m_release(struct file *file)
{
	struct v4l2_fh *fh = file->private_data;
	struct m2m_ctx *ctx = container_of(fh, struct m2m_ctx, fh);
	struct m2m *m = ctx->m2m;

	mutex_lock(&m->lock);
	v4l2_m2m_ctx_release(fh->m2m_ctx);
	mutex_unlock(&m->lock);
	m2m_fh_del(fh, file);
	v4l2_fh_exit(fh);
	kfree(ctx);
	return 0;
}

static const struct v4l2_file_operations m2m_fops = {
	.owner		= THIS_MODULE,
	.open		= m2m_open,
	.release	= m2m_release,
	.poll		= v4l2_m2m_fop_poll,
	.unlocked_ioctl	= video_ioctl2,
	.mmap		= v4l2_m2m_fop_mmap,
};

static int m2m_querycap(struct file *file, void *fh, struct v4l2_capability *cap)
{
	strscpy(cap->driver, M2M);
	strscpy(cap->card, M2M);
	return 0;
}

/* The core lets no buffers be made of a type that has no format. */
static int m2m_g_fmt(struct file *file, void *fh, struct v4l2_format *f)
{
	f->fmt.pix.sizeimage = SIZE;
	return 0;
}

static const struct v4l2_ioctl_ops m2m_ioctl_ops = {
	.vidioc_querycap	= m2m_querycap,
	.vidioc_g_fmt_vid_cap	= m2m_g_fmt,
	.vidioc_g_fmt_vid_out	= m2m_g_fmt,
	.vidioc_reqbufs		= v4l2_m2m_ioctl_reqbufs,
	.vidioc_querybuf	= v4l2_m2m_ioctl_querybuf,
	.vidioc_qbuf		= v4l2_m2m_ioctl_qbuf,
	.vidioc_dqbuf		= v4l2_m2m_ioctl_dqbuf,
	.vidioc_expbuf		= v4l2_m2m_ioctl_expbuf,
	.vidioc_streamon	= v4l2_m2m_ioctl_streamon,
	.vidioc_streamoff	= v4l2_m2m_ioctl_streamoff,
};

static void m2m_init_vdev(struct m2m *m)
{
	struct video_device *vdev = &m->vdev;

	INIT_WORK(&m->irq, m2m_irq);
	strscpy(vdev->name, M2M);
	vdev->fops = &m2m_fops;
	vdev->ioctl_ops = &m2m_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_M2M | V4L2_CAP_STREAMING;
	vdev->vfl_dir = VFL_DIR_M2M;
	vdev->v4l2_dev = &m->v4l2_dev;
	vdev->lock = &m->lock;
	video_set_drvdata(vdev, m);
}

#ifdef SCOPED

static int m2m_probe(struct platform_device *pdev)
{
	struct m2m *m = devm_cdevm_alloc(&pdev->dev, struct m2m, scope);
	int ret;

	if (IS_ERR(m))
		return PTR_ERR(m);
	platform_set_drvdata(pdev, m);
	ret = cdevm_mutex_init(&m->scope, &m->lock) ?:
	      cdevm_v4l2_device_register(&m->scope, &pdev->dev, &m->v4l2_dev);
	if (ret)
		return ret;
	m->m2m_dev = cdevm_v4l2_m2m_init(&m->scope, &m->v4l2_dev, &m2m_ops);
	if (IS_ERR(m->m2m_dev))
		return PTR_ERR(m->m2m_dev);
	m2m_init_vdev(m);
	ret = cdevm_video_register_device(&m->scope, &m->vdev, VFL_TYPE_VIDEO, -1);
	/* It has no media device, so this does nothing, and nothing is to be undone. */
	return ret ?: cdevm_v4l2_m2m_register_media_controller(m->m2m_dev, &m->vdev,
							       MEDIA_ENT_F_PROC_VIDEO_SCALER);
}

static void m2m_remove(struct platform_device *pdev)
{
	struct m2m *m = platform_get_drvdata(pdev);

	WRITE_ONCE(m->removed, true);
	cancel_work_sync(&m->irq);
}

#else

/* As those drivers do it that count who uses the struct. */
static void m2m_free(struct video_device *vdev)
{
	struct m2m *m = video_get_drvdata(vdev);

	mutex_lock(&stuck_lock);
	the_m2m = NULL;
	mutex_unlock(&stuck_lock);
	v4l2_device_unregister(&m->v4l2_dev);
	v4l2_m2m_release(m->m2m_dev);
	kfree(m);
}

static int m2m_probe(struct platform_device *pdev)
{
	struct m2m *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int ret;

	if (!m)
		return -ENOMEM;
	platform_set_drvdata(pdev, m);
	mutex_init(&m->lock);
	ret = v4l2_device_register(&pdev->dev, &m->v4l2_dev);
	if (ret)
		return ret;
	m->m2m_dev = v4l2_m2m_init(&m2m_ops);
	if (IS_ERR(m->m2m_dev))
		return PTR_ERR(m->m2m_dev);
	m2m_init_vdev(m);
	m->vdev.release = m2m_free;
	the_m2m = m;
	return video_register_device(&m->vdev, VFL_TYPE_VIDEO, -1);
}

static void m2m_remove(struct platform_device *pdev)
{
	struct m2m *m = platform_get_drvdata(pdev);

	WRITE_ONCE(m->removed, true);
	cancel_work_sync(&m->irq);
	video_unregister_device(&m->vdev);
}

#endif

static struct platform_driver m2m_driver = {
	.probe	= m2m_probe,
	.remove	= m2m_remove,
	.driver	= {
		.name = M2M,
	},
};

static struct platform_device *board;

static int __init board_init(void)
{
	int ret = platform_driver_register(&m2m_driver);

	if (ret)
		return ret;
	board = platform_device_register_simple(M2M, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(board)) {
		platform_driver_unregister(&m2m_driver);
		return PTR_ERR(board);
	}
	return 0;
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board);
	platform_driver_unregister(&m2m_driver);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Mem2mem device whose job ends by an interrupt");
MODULE_LICENSE("GPL");
