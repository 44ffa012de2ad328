// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers with faults that a trace shows
 *
 * The traces in ../traces are of these, of the cdevm sample and of its devm
 * twin. ../record.sh builds and records. The first ones run on any kernel; those
 * that need cdevm are left out where there is none.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#ifdef CONFIG_CDEVM
#include <linux/cdevm.h>
#endif

/* Nothing in UML uses it. */
static int irq = 40;
module_param(irq, int, 0444);

/* --- the interrupt is asked for first, and so is freed last */

static irqreturn_t faults_handler(int irq, void *dev_id)
{
	return IRQ_NONE;
}

static void faults_clk_off(void *unused)
{
}

static int faults_irq_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	int ret;

	ret = devm_request_irq(dev, irq, faults_handler, IRQF_SHARED, "faults",
			       dev);
	if (ret)
		return ret;
	if (!devm_kzalloc(dev, 512, GFP_KERNEL))
		return -ENOMEM;
	return devm_add_action_or_reset(dev, faults_clk_off, NULL);
}

/* --- a release that takes its time */

static void faults_flush(void *unused)
{
	msleep(350);
}

static int faults_slow_probe(struct platform_device *pdev)
{
	if (!devm_kzalloc(&pdev->dev, 64, GFP_KERNEL))
		return -ENOMEM;
	return devm_add_action_or_reset(&pdev->dev, faults_flush, NULL);
}

/* --- a release that adds something */

static void faults_nothing(void *unused)
{
}

static void faults_add(void *dev)
{
	int ret = devm_add_action(dev, faults_nothing, NULL);

	if (ret)
		dev_warn(dev, "cannot add: %d\n", ret);
}

static int faults_leftover_probe(struct platform_device *pdev)
{
	if (!devm_kzalloc(&pdev->dev, 32, GFP_KERNEL))
		return -ENOMEM;
	return devm_add_action_or_reset(&pdev->dev, faults_add, &pdev->dev);
}

#ifdef CONFIG_CDEVM
/* --- a node in devm memory, and a call that does not end when it is told to */

struct faults_node {
	struct miscdevice	misc;
};

static ssize_t faults_read(struct file *file, char __user *buf, size_t len,
			   loff_t *pos)
{
	msleep(450);
	return 0;
}

static const struct file_operations faults_fops = {
	.owner	= THIS_MODULE,
	.read	= faults_read,
};

static int faults_node_probe(struct platform_device *pdev)
{
	struct cdevm_scope *scope = devm_cdevm_create(&pdev->dev);
	struct faults_node *node;

	if (IS_ERR(scope))
		return PTR_ERR(scope);
	node = devm_kzalloc(&pdev->dev, sizeof(*node), GFP_KERNEL);
	if (!node)
		return -ENOMEM;
	node->misc.name = "faults-node";
	node->misc.minor = MISC_DYNAMIC_MINOR;
	node->misc.fops = &faults_fops;
	return cdevm_register_misc(scope, &node->misc);
}
#endif

static struct platform_driver drivers[] = {
	{ .probe = faults_irq_probe,		.driver.name = "faults-irq" },
	{ .probe = faults_slow_probe,		.driver.name = "faults-slow" },
	{ .probe = faults_leftover_probe,	.driver.name = "faults-leftover" },
#ifdef CONFIG_CDEVM
	{ .probe = faults_node_probe,		.driver.name = "faults-node" },
#endif
};

static struct platform_device *devices[ARRAY_SIZE(drivers)];

static void faults_remove(int n)
{
	while (n--) {
		platform_device_unregister(devices[n]);
		platform_driver_unregister(&drivers[n]);
	}
}

static int __init faults_init(void)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		drivers[i].driver.owner = THIS_MODULE;
		ret = platform_driver_register(&drivers[i]);
		if (ret)
			goto err;
		devices[i] = platform_device_register_simple(drivers[i].driver.name,
							     PLATFORM_DEVID_NONE,
							     NULL, 0);
		if (IS_ERR(devices[i])) {
			ret = PTR_ERR(devices[i]);
			platform_driver_unregister(&drivers[i]);
			goto err;
		}
	}
	return 0;
err:
	faults_remove(i);
	return ret;
}
module_init(faults_init);

static void __exit faults_exit(void)
{
	faults_remove(ARRAY_SIZE(drivers));
}
module_exit(faults_exit);

MODULE_DESCRIPTION("Drivers with faults that a trace shows");
MODULE_LICENSE("GPL");
