// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of two devices, for the end-to-end tests of the calls inside, and of
 * what an unbind waits for
 *
 * Each device has a misc node. Calls can sleep in it in several ways, one
 * device can be unbound from a call of the other, and the driver counts the
 * calls that were to sleep. As in cdevm_probe.c, nobody wakes a sleeper when
 * the device goes.
 */
#include <linux/atomic.h>
#include <linux/cdevm.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "cdevm_pair.h"

/**
 * struct pair_dev - one bind of a device
 * @scope: whose memory this is
 * @dev: the device
 * @misc: its node
 * @reg: stands for a register: memory of the device's, gone after unbind
 */
struct pair_dev {
	struct cdevm_scope	scope;
	struct device		*dev;
	struct miscdevice	misc;
	int			*reg;
};

static struct platform_device *pair_devices[PAIR_DEVICES];

/* Of the driver and not of a device, so that they are there when it is not. */
static DECLARE_WAIT_QUEUE_HEAD(pair_wait);

static unsigned int pair_sleeps[PAIR_DEVICES];
module_param_array_named(sleeps, pair_sleeps, uint, NULL, 0644);
MODULE_PARM_DESC(sleeps, "for each device: how often PAIR_SLEEP has reached the driver");

static unsigned int pair_open_sleeps[PAIR_DEVICES];
module_param_array_named(open_sleeps, pair_open_sleeps, uint, NULL, 0644);
MODULE_PARM_DESC(open_sleeps, "for each device: how open() sleeps, 0 not at all");

static bool pair_kick_sleeps;
module_param_named(kick_sleeps, pair_kick_sleeps, bool, 0644);
MODULE_PARM_DESC(kick_sleeps, "kick() does not return until sleepers are woken");

/* While it is set, nobody sleeps. */
static bool pair_awake;
static atomic_t pair_wakes;

static int pair_set_awake(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_bool(val, kp);

	/* A task that sleeps now is woken for good, however late it runs. */
	if (pair_awake)
		atomic_inc(&pair_wakes);
	wake_up_all(&pair_wait);
	return ret;
}

static const struct kernel_param_ops pair_awake_ops = {
	.set	= pair_set_awake,
	.get	= param_get_bool,
};
module_param_cb(wake, &pair_awake_ops, &pair_awake, 0644);
MODULE_PARM_DESC(wake, "1: sleepers wake, and there are no new ones");

static int pair_sleep(void)
{
	int seen = atomic_read(&pair_wakes);

	return wait_event_interruptible(pair_wait, READ_ONCE(pair_awake) ||
					atomic_read(&pair_wakes) != seen);
}

static void pair_sleep_hard(void)
{
	int seen = atomic_read(&pair_wakes);

	wait_event(pair_wait, READ_ONCE(pair_awake) ||
		   atomic_read(&pair_wakes) != seen);
}

static struct pair_dev *file_to_pair(const struct file *file)
{
	/* misc_open() has put the node there. */
	return container_of(file->private_data, struct pair_dev, misc);
}

static int pair_number(const struct pair_dev *p)
{
	return to_platform_device(p->dev)->id;
}

static int pair_open(struct inode *inode, struct file *file)
{
	struct pair_dev *p = file_to_pair(file);

	switch (pair_open_sleeps[pair_number(p)]) {
	case PAIR_OPEN_SLEEPS:
		return pair_sleep();
	case PAIR_OPEN_SLEEPS_HARD:
		pair_sleep_hard();
		break;
	}
	return 0;
}

/* The copy is all that takes time here: for pages that do not come. */
static ssize_t pair_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct pair_dev *p = file_to_pair(file);

	len = min(len, sizeof(*p->reg));
	return copy_to_user(buf, p->reg, len) ? -EFAULT : len;
}

static long pair_release(unsigned long number)
{
	if (number >= PAIR_DEVICES)
		return -EINVAL;
	device_release_driver(&pair_devices[number]->dev);
	return 0;
}

static long pair_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pair_dev *p = file_to_pair(file);
	int ret;

	switch (cmd) {
	case PAIR_SLEEP:
		pair_sleeps[pair_number(p)]++;
		return pair_sleep();
	case PAIR_SLEEP_HARD:
		pair_sleep_hard();
		return READ_ONCE(*p->reg);
	case PAIR_RELEASE:
		return pair_release(arg);
	case PAIR_LOCK:
		pair_sleep_hard();
		ret = mutex_lock_killable(&p->dev->mutex);
		if (!ret)
			mutex_unlock(&p->dev->mutex);
		return ret;
	}
	return -ENOTTY;
}

static const struct file_operations pair_fops = {
	.owner		= THIS_MODULE,
	.open		= pair_open,
	.read		= pair_read,
	.unlocked_ioctl	= pair_ioctl,
};

static void pair_kick(struct cdevm_scope *scope)
{
	if (pair_kick_sleeps)
		pair_sleep_hard();
}

static const struct cdevm_ops pair_ops = {
	.kick = pair_kick,
};

static int pair_probe(struct platform_device *pdev)
{
	struct pair_dev *p = devm_cdevm_alloc(&pdev->dev, struct pair_dev, scope);

	if (IS_ERR(p))
		return PTR_ERR(p);
	cdevm_set_ops(&p->scope, &pair_ops);
	p->dev = &pdev->dev;
	p->reg = devm_kzalloc(&pdev->dev, sizeof(*p->reg), GFP_KERNEL);
	if (!p->reg)
		return -ENOMEM;
	p->misc.minor = MISC_DYNAMIC_MINOR;
	p->misc.fops = &pair_fops;
	p->misc.name = cdevm_kasprintf(&p->scope, GFP_KERNEL, "%s", dev_name(&pdev->dev));
	if (!p->misc.name)
		return -ENOMEM;
	return cdevm_register_misc(&p->scope, &p->misc);
}

static struct platform_driver pair_driver = {
	.probe	= pair_probe,
	.driver	= {
		.name	= PAIR_DRIVER,
	},
};

static void pair_remove_devices(unsigned int count)
{
	while (count--)
		platform_device_unregister(pair_devices[count]);
}

static int __init pair_init(void)
{
	unsigned int i;
	int ret;

	ret = platform_driver_register(&pair_driver);
	if (ret)
		return ret;
	for (i = 0; i < PAIR_DEVICES; i++) {
		pair_devices[i] = platform_device_register_simple(PAIR_DRIVER, i, NULL, 0);
		if (IS_ERR(pair_devices[i])) {
			ret = PTR_ERR(pair_devices[i]);
			pair_remove_devices(i);
			platform_driver_unregister(&pair_driver);
			return ret;
		}
	}
	return 0;
}
module_init(pair_init);

static void __exit pair_exit(void)
{
	pair_remove_devices(PAIR_DEVICES);
	platform_driver_unregister(&pair_driver);
}
module_exit(pair_exit);

MODULE_DESCRIPTION("Driver of two devices, for tests of who is inside");
MODULE_LICENSE("GPL");
