// SPDX-License-Identifier: GPL-2.0
/*
 * A device that imports buffers, for board-dmabuf.c
 *
 * Each open file attaches one buffer, and keeps it mapped from the first read
 * on, until it is notified that the buffer moves, or is closed.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "board-dmabuf.h"

/* What came between the two kernels tells them apart. */
#if __has_include(<linux/dma-buf-mapping.h>)
#define IMPORTER_TOLD(function)	.invalidate_mappings = (function)
MODULE_IMPORT_NS("DMA_BUF");
#else
#define IMPORTER_TOLD(function)	.move_notify = (function)
MODULE_IMPORT_NS(DMA_BUF);
#endif

/**
 * struct import - an open file
 * @lock: protects @attach
 * @attach: what is attached, or %NULL
 * @sgt: its mapping, or %NULL; protected by the reservation lock
 * @told: how often the buffer has moved
 */
struct import {
	struct mutex			lock;
	struct dma_buf_attachment	*attach;
	struct sg_table			*sgt;
	unsigned int			told;
};

static struct platform_device *board;

static void import_unmap(struct import *im)
{
	dma_resv_assert_held(im->attach->dmabuf->resv);
	if (im->sgt)
		dma_buf_unmap_attachment(im->attach, im->sgt, DMA_FROM_DEVICE);
	im->sgt = NULL;
}

/* The hardware would be stopped here. */
static void import_told(struct dma_buf_attachment *attach)
{
	struct import *im = attach->importer_priv;

	im->told++;
	/* While it is being attached there is no mapping. */
	if (im->attach)
		import_unmap(im);
}

static const struct dma_buf_attach_ops import_ops = {
	.allow_peer2peer = true,
	IMPORTER_TOLD(import_told),
};

static long import_attach(struct import *im, int fd, bool dynamic)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct dma_buf_attachment *attach;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dynamic)
		attach = dma_buf_dynamic_attach(dmabuf, &board->dev, &import_ops, im);
	else
		attach = dma_buf_attach(dmabuf, &board->dev);
	if (IS_ERR(attach)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attach);
	}
	im->attach = attach;
	return 0;
}

/* What its hardware would do. */
static long import_read(struct import *im)
{
	struct dma_resv *resv = im->attach->dmabuf->resv;
	long ret;

	dma_resv_lock(resv, NULL);
	if (!im->sgt) {
		struct sg_table *sgt = dma_buf_map_attachment(im->attach, DMA_FROM_DEVICE);

		ret = PTR_ERR_OR_ZERO(sgt);
		if (ret)
			goto out;
		im->sgt = sgt;
	}
	ret = READ_ONCE(*(unsigned char *)sg_virt(im->sgt->sgl));
out:
	dma_resv_unlock(resv);
	return ret;
}

static long import_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct import *im = file->private_data;
	long ret = -ENOTTY;

	mutex_lock(&im->lock);
	switch (cmd) {
	case IMPORT_DYNAMIC:
	case IMPORT_STATIC:
		ret = im->attach ? -EBUSY : import_attach(im, arg, cmd == IMPORT_DYNAMIC);
		break;
	case IMPORT_READ:
		ret = im->attach ? import_read(im) : -ENXIO;
		break;
	case IMPORT_TOLD:
		ret = READ_ONCE(im->told);
		break;
	}
	mutex_unlock(&im->lock);
	return ret;
}

static int import_open(struct inode *inode, struct file *file)
{
	struct import *im = kzalloc(sizeof(*im), GFP_KERNEL);

	if (!im)
		return -ENOMEM;
	mutex_init(&im->lock);
	file->private_data = im;
	return 0;
}

static int import_release(struct inode *inode, struct file *file)
{
	struct import *im = file->private_data;

	if (im->attach) {
		struct dma_buf *dmabuf = im->attach->dmabuf;

		dma_resv_lock(dmabuf->resv, NULL);
		import_unmap(im);
		dma_resv_unlock(dmabuf->resv);
		dma_buf_detach(dmabuf, im->attach);
		dma_buf_put(dmabuf);
	}
	kfree(im);
	return 0;
}

static const struct file_operations import_fops = {
	.owner		= THIS_MODULE,
	.open		= import_open,
	.release	= import_release,
	.unlocked_ioctl	= import_ioctl,
};

static struct miscdevice import_misc = {
	.name	= DMABUF_IMPORT,
	.minor	= MISC_DYNAMIC_MINOR,
	.fops	= &import_fops,
};

static int __init board_init(void)
{
	int ret;

	board = platform_device_register_simple(DMABUF_IMPORT, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(board))
		return PTR_ERR(board);
	ret = misc_register(&import_misc);
	if (ret)
		platform_device_unregister(board);
	return ret;
}
module_init(board_init);

static void __exit board_exit(void)
{
	misc_deregister(&import_misc);
	platform_device_unregister(board);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Imports buffers");
MODULE_LICENSE("GPL");
