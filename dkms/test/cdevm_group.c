// SPDX-License-Identifier: GPL-2.0
/*
 * Test driver: a scope in a devres group that is released while the driver is bound,
 * as some buses do when a probe has failed. No notifier tells of that.
 *
 * /sys/module/cdevm_group/parameters: write release to have the group released;
 * inside says how many calls were inside when the hardware went.
 */
#include <linux/atomic.h>
#include <linux/cdevm.h>
#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/wait.h>

struct group {
	struct cdevm_scope scope;
	struct miscdevice misc;
	wait_queue_head_t wait;
	atomic_t calls;
};

static struct platform_device *group_pdev;

static int inside = -1;
module_param(inside, int, 0444);

static ssize_t group_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct group *g = container_of(file->private_data, struct group, misc);
	int ret;

	atomic_inc(&g->calls);
	ret = wait_event_interruptible(g->wait, cdevm_is_revoked(&g->scope));
	atomic_dec(&g->calls);
	return ret ?: -ENODEV;
}

static const struct file_operations group_fops = {
	.owner	= THIS_MODULE,
	.read	= group_read,
};

static void group_hw_off(void *data)
{
	struct group *g = data;

	inside = atomic_read(&g->calls);
}

static int group_probe(struct platform_device *pdev)
{
	struct group *g;
	int ret;

	/* Its own address is what it is found by. */
	if (!devres_open_group(&pdev->dev, group_probe, GFP_KERNEL))
		return -ENOMEM;
	g = devm_cdevm_alloc(&pdev->dev, struct group, scope);
	if (IS_ERR(g))
		return PTR_ERR(g);
	init_waitqueue_head(&g->wait);
	ret = devm_add_action_or_reset(&pdev->dev, group_hw_off, g);
	if (ret)
		return ret;
	g->misc.name = "cdevm-group";
	g->misc.minor = MISC_DYNAMIC_MINOR;
	g->misc.fops = &group_fops;
	ret = cdevm_register_misc(&g->scope, &g->misc);
	devres_close_group(&pdev->dev, group_probe);
	return ret;
}

static struct platform_driver group_driver = {
	.probe	= group_probe,
	.driver	= {
		.name = "cdevm-group",
	},
};

static int release_set(const char *val, const struct kernel_param *kp)
{
	device_lock(&group_pdev->dev);
	devres_release_group(&group_pdev->dev, group_probe);
	device_unlock(&group_pdev->dev);
	return 0;
}

static const struct kernel_param_ops release_ops = {
	.set = release_set,
};
module_param_cb(release, &release_ops, NULL, 0200);

static int __init group_init(void)
{
	int ret;

	group_pdev = platform_device_register_simple("cdevm-group", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(group_pdev))
		return PTR_ERR(group_pdev);
	ret = platform_driver_register(&group_driver);
	if (ret)
		platform_device_unregister(group_pdev);
	return ret;
}
module_init(group_init);

static void __exit group_exit(void)
{
	platform_driver_unregister(&group_driver);
	platform_device_unregister(group_pdev);
}
module_exit(group_exit);

MODULE_DESCRIPTION("Test driver: a cdevm scope in a devres group");
MODULE_LICENSE("GPL");
