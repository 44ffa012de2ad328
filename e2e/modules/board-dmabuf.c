// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that exports buffers: RAM, and memory of its device
 *
 * RAM is the buffer's, and stays as long as anybody has it. The memory of the device goes
 * at unbind: then importers give up their mappings, those of user space are taken, and
 * nobody gets new ones. All that it takes is in card_revoke() and in those methods that
 * look at &buffer.revoked. Nothing of it has to do with the gate of the scope, which dma-buf
 * does not pass; the scope keeps the memory that release() uses.
 *
 * On a stock kernel there is none of that, as in many drivers.
 */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/wait.h>

#if __has_include(<linux/cdevm.h>)
#include <linux/cdevm.h>
#define SCOPED 1
#endif

#include "board-dmabuf.h"

/* What came between the two kernels tells them apart. */
#if __has_include(<linux/dma-buf-mapping.h>)
#define importer_is_told(ops)	((ops)->invalidate_mappings)
MODULE_IMPORT_NS("DMA_BUF");
#else
#define importer_is_told(ops)	((ops)->move_notify)
#define dma_buf_invalidate_mappings(dmabuf) dma_buf_move_notify(dmabuf)
MODULE_IMPORT_NS(DMA_BUF);
#endif

/**
 * struct card - the device
 * @scope: whose memory this is, if there are scopes
 * @misc: the node
 * @lock: protects @buffers
 * @buffers: those of the device's memory
 * @unmapped: for who waits until importers have unmapped
 * @memory: of the device: gone after unbind
 */
struct card {
#ifdef SCOPED
	struct cdevm_scope	scope;
#endif
	struct miscdevice	misc;
	struct mutex		lock;
	struct list_head	buffers;
	wait_queue_head_t	unmapped;
	char			*memory;
};

/**
 * struct buffer - what was exported
 * @card: whose; %NULL for RAM, which has nothing to do with it
 * @node: in &card.buffers
 * @dmabuf: the buffer
 * @page: what it is made of
 * @maps: how many importers have it mapped; protected by the reservation lock
 * @revoked: the device is gone; protected by the reservation lock, or under that at least
 *	looked at again
 */
struct buffer {
	struct card		*card;
	struct list_head	node;
	struct dma_buf		*dmabuf;
	struct page		*page;
	unsigned int		maps;
	bool			revoked;
};

/* --- both: an importer's mapping */

static struct sg_table *buffer_map(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	struct buffer *b = attach->dmabuf->priv;
	struct sg_table *sgt;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (b->revoked)
		return ERR_PTR(-ENODEV);
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages(sgt, &b->page, 1, 0, DMABUF_SIZE, GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (ret)
		goto err_table;
	b->maps++;
	return sgt;
err_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

/* Never refused: this is how an importer lets go. */
static void buffer_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	struct buffer *b = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
	if (!--b->maps && b->card)
		wake_up(&b->card->unmapped);
}

/* --- RAM: there is no device in it */

static int ram_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct buffer *b = dmabuf->priv;

	return vm_insert_page(vma, vma->vm_start, b->page);
}

static void ram_release(struct dma_buf *dmabuf)
{
	struct buffer *b = dmabuf->priv;

	__free_page(b->page);
	kfree(b);
}

static const struct dma_buf_ops ram_ops = {
	.map_dma_buf	= buffer_map,
	.unmap_dma_buf	= buffer_unmap,
	.mmap		= ram_mmap,
	.release	= ram_release,
};

/* --- memory of the device */

/* One that cannot be told that the memory goes must not have it. */
static int card_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
#ifdef SCOPED
	if (!attach->importer_ops || !importer_is_told(attach->importer_ops))
		return -EOPNOTSUPP;
#endif
	return 0;
}

/* The core asks for both of an exporter that moves its buffers. There is nothing to pin. */
static int card_pin(struct dma_buf_attachment *attach)
{
	struct buffer *b = attach->dmabuf->priv;

	return b->revoked ? -ENODEV : 0;
}

static void card_unpin(struct dma_buf_attachment *attach)
{
}

static int card_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct buffer *b = dmabuf->priv;

	return READ_ONCE(b->revoked) ? -ENODEV : 0;
}

/* Under the lock, so that what is entered is found by who has set the mark. */
static vm_fault_t card_fault(struct vm_fault *vmf)
{
	struct buffer *b = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	dma_resv_lock(b->dmabuf->resv, NULL);
	if (!b->revoked)
		ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(b->page));
	dma_resv_unlock(b->dmabuf->resv);
	return ret;
}

static const struct vm_operations_struct card_vm_ops = {
	.fault = card_fault,
};

static int card_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct buffer *b = dmabuf->priv;

	if (READ_ONCE(b->revoked))
		return -ENODEV;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = b;
	vma->vm_ops = &card_vm_ops;
	return 0;
}

static void card_release(struct dma_buf *dmabuf)
{
	struct buffer *b = dmabuf->priv;
	struct card *card = b->card;

	mutex_lock(&card->lock);
	list_del(&b->node);
	mutex_unlock(&card->lock);
	kfree(b);
	/* The module is held by the buffer until after this. */
#ifdef SCOPED
	cdevm_put(&card->scope);
#endif
}

static const struct dma_buf_ops card_ops = {
	.attach			= card_attach,
	.pin			= card_pin,
	.unpin			= card_unpin,
	.map_dma_buf		= buffer_map,
	.unmap_dma_buf		= buffer_unmap,
	.begin_cpu_access	= card_begin,
	.mmap			= card_mmap,
	.release		= card_release,
};

#ifdef SCOPED

static void card_revoke_buffer(struct buffer *b)
{
	struct dma_resv *resv = b->dmabuf->resv;

	dma_resv_lock(resv, NULL);
	WRITE_ONCE(b->revoked, true);
	dma_buf_invalidate_mappings(b->dmabuf);
	/* What importers have begun. */
	dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(resv);
	/* They may unmap later than when they are told. Nobody maps any more. */
	wait_event(b->card->unmapped, !READ_ONCE(b->maps));
	unmap_mapping_range(b->dmabuf->file->f_mapping, 0, 0, 1);
}

/*
 * With no call inside, so no buffer is exported any more; before ->remove(), so the
 * memory is there.
 */
static void card_revoke(void *data)
{
	struct card *card = data;
	struct buffer *b;

	mutex_lock(&card->lock);
	list_for_each_entry(b, &card->buffers, node) {
		/* Not one that is on its way to card_release(): nobody has it. */
		if (!get_file_active(&b->dmabuf->file))
			continue;
		card_revoke_buffer(b);
		/* Its last reference is not put here but later, without the lock. */
		fput(b->dmabuf->file);
	}
	mutex_unlock(&card->lock);
}

#endif

/* --- the node */

/* @card is %NULL for RAM. */
static struct buffer *buffer_new(struct card *card)
{
	struct buffer *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->card = card;
	if (card)
		b->page = virt_to_page(card->memory);
	else
		b->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!b->page) {
		kfree(b);
		return NULL;
	}
	return b;
}

static void buffer_free(struct buffer *b)
{
	if (!b->card)
		__free_page(b->page);
	kfree(b);
}

static long buffer_export(struct card *card, bool ram)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct buffer *b = buffer_new(ram ? NULL : card);
	int fd;

	if (!b)
		return -ENOMEM;
	info.ops = ram ? &ram_ops : &card_ops;
	info.size = DMABUF_SIZE;
	info.flags = O_RDWR;
	info.priv = b;
	/* As one: release() takes it off the list, and drops the reference. */
	mutex_lock(&card->lock);
	b->dmabuf = dma_buf_export(&info);
	if (!IS_ERR(b->dmabuf) && !ram) {
		list_add(&b->node, &card->buffers);
#ifdef SCOPED
		cdevm_get(&card->scope);
#endif
	}
	mutex_unlock(&card->lock);
	if (IS_ERR(b->dmabuf)) {
		long ret = PTR_ERR(b->dmabuf);

		buffer_free(b);
		return ret;
	}
	fd = dma_buf_fd(b->dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(b->dmabuf);
	return fd;
}

static long card_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct card *card = container_of(file->private_data, struct card, misc);

	switch (cmd) {
	case DMABUF_RAM:
		return buffer_export(card, true);
	case DMABUF_CARD:
		return buffer_export(card, false);
	}
	return -ENOTTY;
}

/* For misc_open() to leave the miscdevice in private_data. */
static int card_open(struct inode *inode, struct file *file)
{
	return 0;
}

static const struct file_operations card_fops = {
	.owner		= THIS_MODULE,
	.open		= card_open,
	.unlocked_ioctl	= card_ioctl,
};

static void card_switch_off(void *memory)
{
	kfree(memory);
}

static int card_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct card *card;
	int ret;

#ifdef SCOPED
	card = devm_cdevm_alloc(dev, struct card, scope);
	if (IS_ERR(card))
		return PTR_ERR(card);
#else
	card = devm_kzalloc(dev, sizeof(*card), GFP_KERNEL);
	if (!card)
		return -ENOMEM;
#endif
	platform_set_drvdata(pdev, card);
	mutex_init(&card->lock);
	INIT_LIST_HEAD(&card->buffers);
	init_waitqueue_head(&card->unmapped);
	/* A page, and not of the page allocator: so KASAN knows for long that it was freed. */
	card->memory = kzalloc(DMABUF_SIZE, GFP_KERNEL);
	if (!card->memory)
		return -ENOMEM;
	ret = devm_add_action_or_reset(dev, card_switch_off, card->memory);
	if (ret)
		return ret;
	*card->memory = 'c';
	card->misc.name = DMABUF_DRIVER;
	card->misc.minor = MISC_DYNAMIC_MINOR;
	card->misc.fops = &card_fops;
#ifdef SCOPED
	ret = devm_add_unpublish_action(dev, card_revoke, card);
	return ret ?: cdevm_register_misc(&card->scope, &card->misc);
#else
	return misc_register(&card->misc);
#endif
}

static void card_remove(struct platform_device *pdev)
{
#ifndef SCOPED
	struct card *card = platform_get_drvdata(pdev);

	misc_deregister(&card->misc);
#endif
}

static struct platform_driver card_driver = {
	.probe	= card_probe,
	.remove	= card_remove,
	.driver	= {
		.name = DMABUF_DRIVER,
	},
};

static struct platform_device *board;

static int __init board_init(void)
{
	int ret = platform_driver_register(&card_driver);

	if (ret)
		return ret;
	board = platform_device_register_simple(DMABUF_DRIVER, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(board)) {
		platform_driver_unregister(&card_driver);
		return PTR_ERR(board);
	}
	return 0;
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board);
	platform_driver_unregister(&card_driver);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Exports buffers: RAM, and memory of its device");
MODULE_LICENSE("GPL");
