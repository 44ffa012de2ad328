// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm sample: two cdevs and a misc device that survive their driver
 *
 * The "device" is a FIFO behind an imaginary register block: data that is
 * written to any of the three nodes can be read from any of them.
 *
 *	/dev/cdevm-sample-a	cdev with a struct device of its own
 *	/dev/cdevm-sample-b	plain cdev, its device node made by hand
 *	/dev/cdevm-sample-ctl	misc device
 *
 * What it shows:
 *
 * - Everything that an open file uses (struct sample, the FIFO, the cdevs) is
 *   cdevm: it lives until unbind and the last close of all three nodes.
 *   Hardware (struct sample_hw) is devm: it is released at unbind.
 * - The file operations need no checks. They run only while the driver is
 *   bound; later calls get -ENODEV without reaching them. ->release() is the
 *   exception: it always runs, and checks before it accesses the hardware.
 * - There is no ->remove() that could be wrong.
 *
 * devm-sample.c does the same in the way of many drivers today. Compare the
 * two:
 *
 *	diff -u devm-sample.c cdevm-sample.c
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
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

#define SAMPLE_NAME "cdevm-sample"

/*
 * Counters over all bindings, to check that nothing is lost:
 * /sys/module/cdevm_sample/parameters/. They are not in struct sample, since
 * they are read after that is freed.
 */
static atomic_t sample_opens, sample_releases, sample_late_releases;
static atomic_t sample_allocs, sample_frees, sample_hw_offs;

module_param_named(opens, sample_opens.counter, int, 0444);
MODULE_PARM_DESC(opens, "successful open() calls");
module_param_named(releases, sample_releases.counter, int, 0444);
MODULE_PARM_DESC(releases, "release() calls");
module_param_named(late_releases, sample_late_releases.counter, int, 0444);
MODULE_PARM_DESC(late_releases, "release() calls that came after unbind");
module_param_named(allocs, sample_allocs.counter, int, 0444);
MODULE_PARM_DESC(allocs, "private structs allocated");
module_param_named(frees, sample_frees.counter, int, 0444);
MODULE_PARM_DESC(frees, "private structs freed");
module_param_named(hw_offs, sample_hw_offs.counter, int, 0444);
MODULE_PARM_DESC(hw_offs, "times the hardware went away");

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

/* No kfree() anywhere: the memory of this struct belongs to the scope. */
struct sample {
	struct cdevm_scope scope;
	struct sample_hw *hw;
	struct mutex lock;		/* protects hw, stats and fifo */
	struct sample_stats stats;
	struct kfifo fifo;
	wait_queue_head_t wait;		/* for the FIFO to fill or drain */
	struct device dev_a;
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
	bool late = true;

	/*
	 * Runs after unbind, too. The memory is there, the hardware may not be.
	 */
	cdevm_scoped_enter(&s->scope) {
		mutex_lock(&s->lock);
		s->hw->users--;
		mutex_unlock(&s->lock);
		late = false;
	}

	mutex_lock(&s->lock);
	s->stats.releases++;
	mutex_unlock(&s->lock);

	if (late)
		atomic_inc(&sample_late_releases);
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
		/*
		 * Ends with -ENODEV at unbind. A plain wait_event_*() would
		 * need a cdevm_ops.kick() that wakes it and a condition that
		 * checks cdevm_is_revoked().
		 */
		ret = cdevm_wait_event_interruptible(&s->scope, s->wait,
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

/* devm: at unbind, when no file operation is running and none will */
static void sample_hw_off(void *data)
{
	/* Makes a late access visible even without KASAN. */
	memset(data, 0xdd, sizeof(struct sample_hw));
	atomic_inc(&sample_hw_offs);
}

/* cdevm: after unbind and the last close, newest resource first */
static void sample_fifo_gone(void *data)
{
	struct sample *s = data;

	WARN_ON(s->stats.opens != s->stats.releases);
}

static void sample_released(struct cdevm_scope *scope)
{
	atomic_inc(&sample_frees);
}

static const struct cdevm_ops sample_scope_ops = {
	.released = sample_released,
};

static void sample_destroy_b(void *unused)
{
	device_destroy(sample_class, sample_devt + 1);
}

static int sample_add_a(struct sample *s, struct device *parent)
{
	/*
	 * A struct device has a reference count of its own: somebody may hold
	 * it for longer than the files are open. It may be in the scope's
	 * memory nevertheless, as the scope waits for it. It needs no release
	 * function, and cdevm_add_cdev_device() takes over the reference of
	 * device_initialize().
	 */
	device_initialize(&s->dev_a);
	s->dev_a.parent = parent;
	s->dev_a.class = sample_class;
	s->dev_a.devt = sample_devt;
	s->dev_a.init_name = SAMPLE_NAME "-a";

	s->a.sample = s;
	cdev_init(&s->a.cdev, &sample_cdev_fops);
	s->a.cdev.owner = THIS_MODULE;
	return cdevm_add_cdev_device(&s->scope, &s->a.cdev, &s->dev_a);
}

static int sample_add_b(struct sample *s, struct device *parent)
{
	struct device *dev;
	int ret;

	s->b.sample = s;
	cdev_init(&s->b.cdev, &sample_cdev_fops);
	s->b.cdev.owner = THIS_MODULE;
	ret = cdevm_add_cdev(&s->scope, &s->b.cdev, sample_devt + 1, 1);
	if (ret)
		return ret;

	dev = device_create(sample_class, parent, sample_devt + 1, NULL,
			    SAMPLE_NAME "-b");
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	return devm_add_action_or_reset(parent, sample_destroy_b, NULL);
}

static int sample_add_ctl(struct sample *s, struct device *parent)
{
	s->ctl.name = SAMPLE_NAME "-ctl";
	s->ctl.minor = MISC_DYNAMIC_MINOR;
	s->ctl.fops = &sample_ctl_fops;
	s->ctl.parent = parent;
	return cdevm_register_misc(&s->scope, &s->ctl);
}

static int sample_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct sample *s;
	void *buf;
	int ret;

	s = devm_cdevm_alloc(dev, struct sample, scope);
	if (IS_ERR(s))
		return PTR_ERR(s);
	cdevm_set_ops(&s->scope, &sample_scope_ops);
	atomic_inc(&sample_allocs);

	/* Used by files: cdevm. */
	ret = cdevm_mutex_init(&s->scope, &s->lock);
	if (ret)
		return ret;
	init_waitqueue_head(&s->wait);
	buf = cdevm_kzalloc(&s->scope, SAMPLE_FIFO_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	ret = kfifo_init(&s->fifo, buf, SAMPLE_FIFO_SIZE);
	if (ret)
		return ret;
	ret = cdevm_add_action_or_reset(&s->scope, sample_fifo_gone, s);
	if (ret)
		return ret;

	/* Hardware: devm. */
	s->hw = devm_kzalloc(dev, sizeof(*s->hw), GFP_KERNEL);
	if (!s->hw)
		return -ENOMEM;
	ret = devm_add_action_or_reset(dev, sample_hw_off, s->hw);
	if (ret)
		return ret;

	/* Files can be opened from the first of these on, so they come last. */
	return sample_add_a(s, dev) ?:
	       sample_add_b(s, dev) ?:
	       sample_add_ctl(s, dev);
}

static struct platform_driver sample_driver = {
	.probe	= sample_probe,
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

	/*
	 * Not a static struct class: its release would be called with the last
	 * reference, perhaps after the memory of this module is freed.
	 */
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

/* Runs only when all files are closed: each open file holds the module. */
static void __exit sample_exit(void)
{
	platform_device_unregister(sample_pdev);
	platform_driver_unregister(&sample_driver);
	class_destroy(sample_class);
	unregister_chrdev_region(sample_devt, 2);
}
module_exit(sample_exit);

MODULE_DESCRIPTION("cdevm sample: character devices that survive their driver");
MODULE_LICENSE("GPL");
