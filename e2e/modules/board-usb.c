// SPDX-License-Identifier: GPL-2.0
/*
 * A USB class driver whose read() waits for a transfer without a timeout
 *
 * Any number of files can be open, each with a mapping of a page of the driver's.
 */
#include <linux/cdevm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/usb.h>

/* pid.codes has these for tests. */
#define BOARD_USB_VENDOR	0x1209
#define BOARD_USB_PRODUCT	0x0001
/* Any free one: minors are given out from here on. */
#define BOARD_USB_MINOR_BASE	240

struct board_usb {
	struct cdevm_scope scope;
	struct usb_device *udev;
	struct usb_endpoint_descriptor *in;
	struct page *page;
};

static struct usb_driver board_usb_driver;

/* How often ->release() was called. */
static unsigned int released;
module_param(released, uint, 0444);

static int board_usb_open(struct inode *inode, struct file *file)
{
	struct usb_interface *intf = usb_find_interface(&board_usb_driver, iminor(inode));

	if (!intf)
		return -ENODEV;
	file->private_data = usb_get_intfdata(intf);
	return 0;
}

static int board_usb_release(struct inode *inode, struct file *file)
{
	released++;
	return 0;
}

static ssize_t board_usb_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	struct board_usb *board = file->private_data;
	int maxp = usb_endpoint_maxp(board->in), got = 0, ret;
	void *buf = kmalloc(maxp, GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	ret = usb_interrupt_msg(board->udev,
				usb_rcvintpipe(board->udev, board->in->bEndpointAddress),
				buf, maxp, &got, 0);
	if (!ret && copy_to_user(to, buf, min_t(size_t, len, got)))
		ret = -EFAULT;
	kfree(buf);
	return ret ?: min_t(size_t, len, got);
}

static int board_usb_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct board_usb *board = file->private_data;

	return vm_insert_page(vma, vma->vm_start, board->page);
}

static const struct file_operations board_usb_fops = {
	.owner		= THIS_MODULE,
	.open		= board_usb_open,
	.release	= board_usb_release,
	.read		= board_usb_read,
	.mmap		= board_usb_mmap,
};

static struct usb_class_driver board_usb_class = {
	.name		= "board-usb%d",
	.fops		= &board_usb_fops,
	.minor_base	= BOARD_USB_MINOR_BASE,
};

static const struct cdevm_ops board_usb_ops = {
	.release_at_unbind = true,
};

static void board_usb_put_page(void *page)
{
	put_page(page);
}

static int board_usb_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	struct board_usb *board;
	int ret;

	board = devm_cdevm_alloc(&intf->dev, struct board_usb, scope);
	if (IS_ERR(board))
		return PTR_ERR(board);
	cdevm_set_ops(&board->scope, &board_usb_ops);
	board->udev = interface_to_usbdev(intf);
	board->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!board->page)
		return -ENOMEM;
	ret = cdevm_add_action_or_reset(&board->scope, board_usb_put_page, board->page) ?:
	      usb_find_int_in_endpoint(intf->cur_altsetting, &board->in);
	if (ret)
		return ret;
	usb_set_intfdata(intf, board);
	return cdevm_usb_register_dev(&board->scope, intf, &board_usb_class);
}

static void board_usb_disconnect(struct usb_interface *intf)
{
}

static const struct usb_device_id board_usb_ids[] = {
	{ USB_DEVICE(BOARD_USB_VENDOR, BOARD_USB_PRODUCT) },
	{}
};

static struct usb_driver board_usb_driver = {
	.name		= "board-usb",
	.probe		= board_usb_probe,
	.disconnect	= board_usb_disconnect,
	.id_table	= board_usb_ids,
};
module_usb_driver(board_usb_driver);

MODULE_DESCRIPTION("USB class driver whose calls wait for transfers without a timeout");
MODULE_LICENSE("GPL");
