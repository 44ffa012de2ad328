// SPDX-License-Identifier: GPL-2.0
/*
 * devm sample: the broken twin of cdevm-sample.c
 *
 * The same driver in the way of many others: the private struct comes from
 * devm_kzalloc(), and ->remove() removes the nodes. It looks tidy, and it is a
 * use after free as soon as the driver is unbound while a file is open:
 *
 * - ->read(), ->ioctl() and all others run in freed memory. Removing the nodes
 *   only keeps new files from being opened.
 * - So does ->release().
 * - After it the VFS drops its reference on the cdev, which is in there too.
 *
 * Do not copy this. It only proves that the tests can detect the bug.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "cdevm-sample.h"

#define SAMPLE_NAME "devm-sample"

/*
 * Counters over all bindings, to check that nothing is lost:
 * /sys/module/devm_sample/parameters/. They are not in struct sample, since
 * they are read after that is freed.
 */
static atomic_t sample_opens, sample_releases, sample_allocs, sample_frees;

module_param_named(opens, sample_opens.counter, int, 0444);
MODULE_PARM_DESC(opens, "successful open() calls");
module_param_named(releases, sample_releases.counter, int, 0444);
MODULE_PARM_DESC(releases, "release() calls");
module_param_named(allocs, sample_allocs.counter, int, 0444);
MODULE_PARM_DESC(allocs, "private structs allocated");
module_param_named(frees, sample_frees.counter, int, 0444);
MODULE_PARM_DESC(frees, "private structs freed");

/* The register block. It must not be accessed once the driver is unbound. */
struct sample_hw {
	u32 users;
	u32 bytes;
};

struct sample;

struct sample_node {
	struct cdev cdev;
	struct sample *sample;
};

struct sample {
	struct sample_hw *hw;
	struct mutex lock;		/* protects hw, stats and fifo */
	struct sample_stats stats;
	struct kfifo fifo;
	wait_queue_head_t wait;		/* for the FIFO to fill or drain */
	struct sample_node a, b;
	struct miscdevice ctl;
};

static dev_t sample_devt;
static struct class *sample_class;
static struct platform_device *sample_pdev;

static int sample_open(struct sample *s, struct file *file)
{
	mutex_lock(&s->lock);
	s->hw->users++;
	s->stats.opens++;
	mutex_unlock(&s->lock);

	file->private_data = s;
	atomic_inc(&sample_opens);
	return stream_open(file_inode(file), file);
}

static int sample_cdev_open(struct inode *inode, struct file *file)
{
	return sample_open(container_of(inode->i_cdev, struct sample_node,
					cdev)->sample, file);
}

static int sample_ctl_open(struct inode *inode, struct file *file)
{
	return sample_open(container_of(file->private_data, struct sample,
					ctl), file);
}

static int sample_release(struct inode *inode, struct file *file)
{
	struct sample *s = file->private_data;

	/* The bug: after unbind neither s nor s->hw exists. */
	mutex_lock(&s->lock);
	s->hw->users--;
	s->stats.releases++;
	mutex_unlock(&s->lock);

	atomic_inc(&sample_releases);
	return 0;
}

static ssize_t sample_read(struct file *file, char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct sample *s = file->private_data;
	unsigned int copied;
	int ret;

	mutex_lock(&s->lock);
	while (kfifo_is_empty(&s->fifo)) {
		mutex_unlock(&s->lock);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		/* The bug: nothing ends this wait when the device goes. */
		ret = wait_event_interruptible(s->wait,
					       !kfifo_is_empty(&s->fifo));
		if (ret)
			return ret;
		mutex_lock(&s->lock);
	}
	ret = kfifo_to_user(&s->fifo, buf, count, &copied);
	s->hw->bytes += copied;
	mutex_unlock(&s->lock);

	wake_up_interruptible(&s->wait);
	return ret ?: copied;
}

static ssize_t sample_write(struct file *file, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct sample *s = file->private_data;
	unsigned int copied;
	int ret;

	mutex_lock(&s->lock);
	ret = kfifo_from_user(&s->fifo, buf, count, &copied);
	s->hw->bytes += copied;
	mutex_unlock(&s->lock);

	wake_up_interruptible(&s->wait);
	if (ret)
		return ret;
	/* A short write means that the FIFO is full; so does -ENOSPC. */
	return copied || !count ? copied : -ENOSPC;
}

static __poll_t sample_poll(struct file *file, poll_table *pt)
{
	struct sample *s = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &s->wait, pt);
	mutex_lock(&s->lock);
	if (!kfifo_is_empty(&s->fifo))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!kfifo_is_full(&s->fifo))
		mask |= EPOLLOUT | EPOLLWRNORM;
	mutex_unlock(&s->lock);
	return mask;
}

static long sample_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sample *s = file->private_data;
	struct sample_stats stats;

	if (cmd != SAMPLE_IOC_GET_STATS)
		return -ENOTTY;

	mutex_lock(&s->lock);
	stats = s->stats;
	stats.users = s->hw->users;
	stats.bytes = s->hw->bytes;
	stats.level = kfifo_len(&s->fifo);
	mutex_unlock(&s->lock);

	return copy_to_user((void __user *)arg, &stats, sizeof(stats)) ?
		-EFAULT : 0;
}

static const struct file_operations sample_cdev_fops = {
	.owner		= THIS_MODULE,
	.open		= sample_cdev_open,
	.release	= sample_release,
	.read		= sample_read,
	.write		= sample_write,
	.poll		= sample_poll,
	.unlocked_ioctl	= sample_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static const struct file_operations sample_ctl_fops = {
	.owner		= THIS_MODULE,
	.open		= sample_ctl_open,
	.release	= sample_release,
	.read		= sample_read,
	.write		= sample_write,
	.poll		= sample_poll,
	.unlocked_ioctl	= sample_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static void sample_freed(void *unused)
{
	atomic_inc(&sample_frees);
}

static int sample_add_node(struct sample *s, struct sample_node *node,
			   unsigned int minor, struct device *parent,
			   const char *name)
{
	struct device *dev;
	int ret;

	node->sample = s;
	cdev_init(&node->cdev, &sample_cdev_fops);
	node->cdev.owner = THIS_MODULE;
	ret = cdev_add(&node->cdev, sample_devt + minor, 1);
	if (ret)
		return ret;

	dev = device_create(sample_class, parent, sample_devt + minor, NULL,
			    "%s", name);
	if (IS_ERR(dev))
		cdev_del(&node->cdev);
	return PTR_ERR_OR_ZERO(dev);
}

static void sample_del_node(struct sample_node *node, unsigned int minor)
{
	device_destroy(sample_class, sample_devt + minor);
	cdev_del(&node->cdev);
}

static int sample_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct sample *s;
	void *buf;
	int ret;

	/* The bug: open files use this, and devm frees it at unbind. */
	s = devm_kzalloc(dev, sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	atomic_inc(&sample_allocs);
	ret = devm_add_action_or_reset(dev, sample_freed, NULL);
	if (ret)
		return ret;

	mutex_init(&s->lock);
	init_waitqueue_head(&s->wait);
	buf = devm_kzalloc(dev, SAMPLE_FIFO_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	ret = kfifo_init(&s->fifo, buf, SAMPLE_FIFO_SIZE);
	if (ret)
		return ret;
	s->hw = devm_kzalloc(dev, sizeof(*s->hw), GFP_KERNEL);
	if (!s->hw)
		return -ENOMEM;
	platform_set_drvdata(pdev, s);

	ret = sample_add_node(s, &s->a, 0, dev, SAMPLE_NAME "-a");
	if (ret)
		return ret;
	ret = sample_add_node(s, &s->b, 1, dev, SAMPLE_NAME "-b");
	if (ret)
		goto err_a;

	s->ctl.name = SAMPLE_NAME "-ctl";
	s->ctl.minor = MISC_DYNAMIC_MINOR;
	s->ctl.fops = &sample_ctl_fops;
	s->ctl.parent = dev;
	ret = misc_register(&s->ctl);
	if (ret)
		goto err_b;
	return 0;

err_b:
	sample_del_node(&s->b, 1);
err_a:
	sample_del_node(&s->a, 0);
	return ret;
}

static void sample_remove(struct platform_device *pdev)
{
	struct sample *s = platform_get_drvdata(pdev);

	misc_deregister(&s->ctl);
	sample_del_node(&s->b, 1);
	sample_del_node(&s->a, 0);
}

static struct platform_driver sample_driver = {
	.probe	= sample_probe,
	.remove	= sample_remove,
	.driver	= {
		.name = SAMPLE_NAME,
	},
};

static int __init sample_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&sample_devt, 0, 2, SAMPLE_NAME);
	if (ret)
		return ret;

	sample_class = class_create(SAMPLE_NAME);
	if (IS_ERR(sample_class)) {
		ret = PTR_ERR(sample_class);
		goto err_region;
	}

	ret = platform_driver_register(&sample_driver);
	if (ret)
		goto err_class;

	sample_pdev = platform_device_register_simple(SAMPLE_NAME,
						      PLATFORM_DEVID_NONE,
						      NULL, 0);
	if (IS_ERR(sample_pdev)) {
		ret = PTR_ERR(sample_pdev);
		goto err_driver;
	}
	return 0;

err_driver:
	platform_driver_unregister(&sample_driver);
err_class:
	class_destroy(sample_class);
err_region:
	unregister_chrdev_region(sample_devt, 2);
	return ret;
}
module_init(sample_init);

static void __exit sample_exit(void)
{
	platform_device_unregister(sample_pdev);
	platform_driver_unregister(&sample_driver);
	class_destroy(sample_class);
	unregister_chrdev_region(sample_devt, 2);
}
module_exit(sample_exit);

MODULE_DESCRIPTION("devm sample: the use after free that cdevm is about");
MODULE_LICENSE("GPL");
