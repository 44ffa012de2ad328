// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose files end with the device, for the end-to-end tests of cdevm
 *
 * Each open file takes power from the device, and has a wait queue of its own
 * that is freed by its release: examples of what a driver gives back in
 * ->release() while the hardware is there. With parameter "early" of 0 it
 * behaves like most drivers, and the power is never given back for a file that
 * is open at unbind. One node can be removed alone, and ioctl() creates and
 * ends a scope of no driver.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/freezer.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "cdevm_desk.h"

#define DESK_HUB	"cdevm-desk-hub"

/**
 * struct desk - one bind of the device, or what DESK_MAKE has made
 * @scope: whose memory this is
 * @misc: a node
 * @cdev: another one, of a bind
 * @page: what is mapped
 * @power: stands for a register: memory of the device's, gone after unbind; %NULL
 *	for what has no hardware
 */
struct desk {
	struct cdevm_scope	scope;
	struct miscdevice	misc;
	struct cdev		cdev;
	unsigned long		page;
	int			*power;
};

/**
 * struct desk_file - what there is for each open file
 * @desk: what was opened
 * @wait: pollers
 * @ready: DESK_DATA was called
 */
struct desk_file {
	struct desk		*desk;
	wait_queue_head_t	wait;
	bool			ready;
};

static struct platform_device *desk_device, *desk_hub;
static dev_t desk_devt;
/* What is bound. Changed with no call inside. */
static struct desk *desk_bound;
static DEFINE_MUTEX(desk_lock);	/* protects desk_drawer */
static struct desk *desk_drawer;
static DECLARE_WAIT_QUEUE_HEAD(desk_nobody);

static bool desk_early = true;
module_param_named(early, desk_early, bool, 0644);
MODULE_PARM_DESC(early, "files are released at unbind; for the next bind");

static bool desk_alone = true;
module_param_named(alone, desk_alone, bool, 0644);
MODULE_PARM_DESC(alone, "nodes can go alone; for the next bind");

static bool desk_unplug;
module_param_named(unplug, desk_unplug, bool, 0644);
MODULE_PARM_DESC(unplug, "the device is unbound when the system is suspended");

static unsigned int desk_major;
module_param_named(major, desk_major, uint, 0444);

/* What became of it all, for those who look at it from outside. */
#define DESK_COUNTER(name, text)					\
static atomic_t desk_##name;						\
module_param_named(name, desk_##name.counter, int, 0444);		\
MODULE_PARM_DESC(name, text)

DESK_COUNTER(opens, "files that were opened");
DESK_COUNTER(releases, "files that were released");
DESK_COUNTER(late, "files that were released when the hardware was gone");
DESK_COUNTER(powered, "files that have power");
DESK_COUNTER(actions, "actions of files that were called");
DESK_COUNTER(vm_opens, "mappings that began");
DESK_COUNTER(vm_closes, "mappings that ended");
DESK_COUNTER(frees, "scopes that were freed");
DESK_COUNTER(kicks, "kicks");
DESK_COUNTER(inside, "calls that are asleep");

static int desk_open_file(struct file *file, struct desk *d)
{
	struct desk_file *df = kzalloc(sizeof(*df), GFP_KERNEL);

	if (!df)
		return -ENOMEM;
	df->desk = d;
	init_waitqueue_head(&df->wait);
	file->private_data = df;
	atomic_inc(&desk_opens);
	atomic_inc(&desk_powered);
	if (d->power)
		++*d->power;
	return 0;
}

static int desk_open_misc(struct inode *inode, struct file *file)
{
	return desk_open_file(file, container_of(file->private_data, struct desk, misc));
}

static int desk_open_cdev(struct inode *inode, struct file *file)
{
	return desk_open_file(file, container_of(inode->i_cdev, struct desk, cdev));
}

static int desk_release(struct inode *inode, struct file *file)
{
	struct desk_file *df = file->private_data;
	struct desk *d = df->desk;

	atomic_inc(&desk_releases);
	if (!d->scope.ops->release_at_unbind && cdevm_is_revoked(&d->scope)) {
		/* The way that many drivers go: there is nothing that it could do. */
		atomic_inc(&desk_late);
	} else {
		if (d->power)
			--*d->power;
		atomic_dec(&desk_powered);
	}
	kfree(df);
	return 0;
}

static ssize_t desk_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct desk_file *df = file->private_data;

	df->ready = false;
	return df->desk->power ? READ_ONCE(*df->desk->power) : 0;
}

static __poll_t desk_poll(struct file *file, poll_table *table)
{
	struct desk_file *df = file->private_data;

	poll_wait(file, &df->wait, table);
	return df->ready ? EPOLLIN : 0;
}

static void desk_vm_open(struct vm_area_struct *vma)
{
	atomic_inc(&desk_vm_opens);
}

static void desk_vm_close(struct vm_area_struct *vma)
{
	atomic_inc(&desk_vm_closes);
}

static vm_fault_t desk_vm_fault(struct vm_fault *vmf)
{
	struct desk *d = vmf->vma->vm_private_data;

	vmf->page = virt_to_page((void *)d->page);
	get_page(vmf->page);
	return 0;
}

static int desk_vm_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return 0;
}

static const struct vm_operations_struct desk_vm_ops = {
	.open		= desk_vm_open,
	.close		= desk_vm_close,
	.fault		= desk_vm_fault,
	.may_split	= desk_vm_may_split,
};

static int desk_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct desk_file *df = file->private_data;

	vma->vm_private_data = df->desk;
	vma->vm_ops = &desk_vm_ops;
	desk_vm_open(vma);
	return 0;
}

static void desk_action(void *unused)
{
	atomic_inc(&desk_actions);
}

static int desk_make(void);
static int desk_break(struct desk *from);

static long desk_anon(struct desk *d);

static long desk_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct desk_file *df = file->private_data;
	struct desk *d = df->desk;
	long ret;

	switch (cmd) {
	case DESK_PING:
		return DESK_PONG;
	case DESK_ACTION:
		return cdevm_file_add_action(file, desk_action, NULL);
	case DESK_ANON:
		return desk_anon(d);
	case DESK_DATA:
		df->ready = true;
		wake_up_poll(&df->wait, EPOLLIN);
		return 0;
	case DESK_SLEEP:
		atomic_inc(&desk_inside);
		ret = cdevm_wait_event_killable(&d->scope, desk_nobody, false);
		atomic_dec(&desk_inside);
		return ret;
	case DESK_STAY:
		atomic_inc(&desk_inside);
		ret = wait_event_interruptible(desk_nobody, false);
		atomic_dec(&desk_inside);
		return ret;
	case DESK_DOZE:
		atomic_inc(&desk_inside);
		ret = wait_event_freezable(desk_nobody, false);
		atomic_dec(&desk_inside);
		return ret;
	case DESK_DEL:
		return arg ? cdevm_deregister_misc(&d->scope, &d->misc) :
			     cdevm_del_cdev(&d->scope, &d->cdev);
	case DESK_MAKE:
		return desk_make();
	case DESK_BREAK:
		return desk_break(d);
	}
	return -ENOTTY;
}

static const struct file_operations desk_misc_fops = {
	.owner		= THIS_MODULE,
	.open		= desk_open_misc,
	.release	= desk_release,
	.read		= desk_read,
	.poll		= desk_poll,
	.mmap		= desk_mmap,
	.unlocked_ioctl	= desk_ioctl,
};

static const struct file_operations desk_cdev_fops = {
	.owner		= THIS_MODULE,
	.open		= desk_open_cdev,
	.release	= desk_release,
	.read		= desk_read,
	.poll		= desk_poll,
	.mmap		= desk_mmap,
	.unlocked_ioctl	= desk_ioctl,
};

static int desk_anon_release(struct inode *inode, struct file *file)
{
	atomic_inc(&desk_releases);
	return 0;
}

static long desk_anon_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd == DESK_PING ? DESK_PONG : -ENOTTY;
}

static const struct file_operations desk_anon_fops = {
	.owner		= THIS_MODULE,
	.release	= desk_anon_release,
	.unlocked_ioctl	= desk_anon_ioctl,
};

static long desk_anon(struct desk *d)
{
	long fd = cdevm_anon_inode_getfd(&d->scope, "[cdevm-desk]", &desk_anon_fops, d,
					 O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		atomic_inc(&desk_opens);
	return fd;
}

static void desk_kick(struct cdevm_scope *scope)
{
	atomic_inc(&desk_kicks);
}

static void desk_released(struct cdevm_scope *scope)
{
	atomic_inc(&desk_frees);
}

/* By "early", and by "alone". */
static const struct cdevm_ops desk_ops[2][2] = {
	{ { .kick = desk_kick, .released = desk_released },
	  { .kick = desk_kick, .released = desk_released, .nodes_go_alone = true } },
	{ { .kick = desk_kick, .released = desk_released, .release_at_unbind = true },
	  { .kick = desk_kick, .released = desk_released, .release_at_unbind = true,
	    .nodes_go_alone = true } },
};

static int desk_set_up(struct desk *d, const char *name, const struct cdevm_ops *ops)
{
	cdevm_set_ops(&d->scope, ops);
	d->page = cdevm_get_free_pages(&d->scope, GFP_KERNEL | __GFP_ZERO, 0);
	if (!d->page)
		return -ENOMEM;
	d->misc.name = name;
	d->misc.minor = MISC_DYNAMIC_MINOR;
	d->misc.fops = &desk_misc_fops;
	return 0;
}

static int desk_make(void)
{
	struct desk *d;
	int ret;

	mutex_lock(&desk_lock);
	ret = -EBUSY;
	if (desk_drawer)
		goto out;
	d = cdevm_alloc(DESK_DRAWER, struct desk, scope);
	ret = PTR_ERR_OR_ZERO(d);
	if (ret)
		goto out;
	ret = desk_set_up(d, DESK_DRAWER, &desk_ops[desk_early][0]);
	if (!ret)
		ret = cdevm_register_misc(&d->scope, &d->misc);
	if (ret)
		cdevm_put(&d->scope);
	else
		desk_drawer = d;
out:
	mutex_unlock(&desk_lock);
	return ret;
}

/* Not under the lock: calls that are inside may want it. */
static int desk_break(struct desk *from)
{
	struct desk *d;
	int ret = 0;

	mutex_lock(&desk_lock);
	d = desk_drawer;
	desk_drawer = NULL;
	mutex_unlock(&desk_lock);
	if (!d)
		return -ENOENT;
	if (d == from)
		ret = cdevm_unbind_self(&d->scope);
	else
		cdevm_withdraw(&d->scope);
	if (ret == -ENOMEM) {
		/* Nobody else has made one: it is still published. */
		mutex_lock(&desk_lock);
		desk_drawer = d;
		mutex_unlock(&desk_lock);
		return ret;
	}
	cdevm_put(&d->scope);
	return ret;
}

static int desk_probe(struct platform_device *pdev)
{
	struct desk *d = devm_cdevm_alloc(&pdev->dev, struct desk, scope);
	int ret;

	if (IS_ERR(d))
		return PTR_ERR(d);
	d->power = devm_kzalloc(&pdev->dev, sizeof(*d->power), GFP_KERNEL);
	if (!d->power)
		return -ENOMEM;
	ret = desk_set_up(d, DESK_DRIVER, &desk_ops[desk_early][desk_alone]);
	if (ret)
		return ret;
	cdev_init(&d->cdev, &desk_cdev_fops);
	d->cdev.owner = THIS_MODULE;
	desk_bound = d;
	return cdevm_add_cdev(&d->scope, &d->cdev, desk_devt, 1) ?:
	       cdevm_register_misc(&d->scope, &d->misc);
}

static void desk_remove(struct platform_device *pdev)
{
	WARN(desk_bound->scope.ops->release_at_unbind && *desk_bound->power,
	     "cdevm-desk: the power is on\n");
	desk_bound = NULL;
}

static struct platform_driver desk_driver = {
	.probe	= desk_probe,
	.remove	= desk_remove,
	.driver	= {
		.name	= DESK_DRIVER,
	},
};

/*
 * What the device is plugged into. As USB does with a driver that cannot be suspended: it
 * is unbound while tasks are frozen, and suspend waits for that.
 */
static int desk_hub_suspend(struct device *dev)
{
	if (desk_unplug)
		device_release_driver(&desk_device->dev);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(desk_hub_pm_ops, desk_hub_suspend, NULL);

static struct platform_driver desk_hub_driver = {
	.driver	= {
		.name	= DESK_HUB,
		.pm	= pm_sleep_ptr(&desk_hub_pm_ops),
	},
};

static int __init desk_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&desk_devt, 0, 1, DESK_DRIVER);
	if (ret)
		return ret;
	desk_major = MAJOR(desk_devt);
	ret = platform_driver_register(&desk_driver);
	if (ret)
		goto err_region;
	ret = platform_driver_register(&desk_hub_driver);
	if (ret)
		goto err_driver;
	desk_hub = platform_device_register_simple(DESK_HUB, PLATFORM_DEVID_NONE, NULL, 0);
	ret = PTR_ERR_OR_ZERO(desk_hub);
	if (ret)
		goto err_hub_driver;
	desk_device = platform_device_register_simple(DESK_DRIVER, PLATFORM_DEVID_NONE,
						      NULL, 0);
	ret = PTR_ERR_OR_ZERO(desk_device);
	if (!ret)
		return 0;
	platform_device_unregister(desk_hub);
err_hub_driver:
	platform_driver_unregister(&desk_hub_driver);
err_driver:
	platform_driver_unregister(&desk_driver);
err_region:
	unregister_chrdev_region(desk_devt, 1);
	return ret;
}
module_init(desk_init);

static void __exit desk_exit(void)
{
	desk_break(NULL);
	/* Not while it unplugs the other. */
	platform_device_unregister(desk_hub);
	platform_device_unregister(desk_device);
	platform_driver_unregister(&desk_hub_driver);
	platform_driver_unregister(&desk_driver);
	unregister_chrdev_region(desk_devt, 1);
}
module_exit(desk_exit);

MODULE_DESCRIPTION("Driver for tests of files that end with the device");
MODULE_LICENSE("GPL");
