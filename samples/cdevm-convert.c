// SPDX-License-Identifier: GPL-2.0
/*
 * The examples of cdevm-conversion.rst
 *
 * One small driver for each decision of the guide, without hardware: counters
 * replace registers. The guide shows the parts between the markers.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

static atomic_t convert_hw;	/* stands for hardware */

static int convert_start_hw(void)
{
	atomic_inc(&convert_hw);
	return 0;
}

static void convert_stop_hw(void)
{
	atomic_dec(&convert_hw);
}

static const struct file_operations convert_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
};

/* begin goto */
struct unwind {
	struct cdevm_scope scope;
	struct miscdevice misc;
	void *buffer;
};

static int unwind_probe(struct platform_device *pdev)
{
	struct unwind *u;
	int ret;

	u = devm_cdevm_alloc(&pdev->dev, struct unwind, scope);
	if (IS_ERR(u))
		return PTR_ERR(u);
	platform_set_drvdata(pdev, u);

	u->buffer = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!u->buffer)
		return -ENOMEM;

	u->misc.minor = MISC_DYNAMIC_MINOR;
	u->misc.name = "cdevm-unwind";
	u->misc.fops = &convert_fops;
	ret = cdevm_register_misc(&u->scope, &u->misc);
	if (ret)
		goto err_buffer;	/* not published */

	ret = convert_start_hw();
	if (ret)
		goto err_withdraw;	/* published, and calls may be inside */
	return 0;

err_withdraw:
	cdevm_withdraw(&u->scope);
err_buffer:
	kfree(u->buffer);
	return ret;
}

static void unwind_remove(struct platform_device *pdev)
{
	struct unwind *u = platform_get_drvdata(pdev);

	/* No call is inside, and none will be. The node is gone. */
	convert_stop_hw();
	kfree(u->buffer);
}

/* end goto */

/* begin release */
struct closing {
	struct cdevm_scope scope;
	struct miscdevice misc;
};

static int closing_open(struct inode *inode, struct file *file)
{
	return convert_start_hw();
}

/*
 * Called once for each open(): at close, or at unbind if the file is open then.
 */
static int closing_release(struct inode *inode, struct file *file)
{
	/* The hardware is there in both cases. */
	convert_stop_hw();
	return 0;
}

static const struct cdevm_ops closing_ops = {
	.release_at_unbind = true,
};

/* end release */

static const struct file_operations closing_fops = {
	.owner = THIS_MODULE,
	.open = closing_open,
	.release = closing_release,
};

static int closing_probe(struct platform_device *pdev)
{
	struct closing *c = devm_cdevm_alloc(&pdev->dev, struct closing, scope);

	if (IS_ERR(c))
		return PTR_ERR(c);
	/* Call this before publishing the first node. */
	cdevm_set_ops(&c->scope, &closing_ops);
	c->misc.minor = MISC_DYNAMIC_MINOR;
	c->misc.name = "cdevm-closing";
	c->misc.fops = &closing_fops;
	return cdevm_register_misc(&c->scope, &c->misc);
}

/* begin create */
struct minors {
	struct cdevm_scope scope;
	struct cdev cdev;
	dev_t devt;
};

static struct class *minors_class;

static void minors_free_devt(void *data)
{
	struct minors *m = data;

	unregister_chrdev_region(m->devt, 2);
}

static void minors_destroy(void *data)
{
	struct minors *m = data;

	device_destroy(minors_class, m->devt);
	device_destroy(minors_class, m->devt + 1);
}

static int minors_probe(struct platform_device *pdev)
{
	struct device *node;
	struct minors *m;
	int i, ret;

	m = devm_cdevm_alloc(&pdev->dev, struct minors, scope);
	if (IS_ERR(m))
		return PTR_ERR(m);

	ret = alloc_chrdev_region(&m->devt, 0, 2, "cdevm-minors");
	if (ret)
		return ret;
	ret = devm_add_action_or_reset(&pdev->dev, minors_free_devt, m);
	if (ret)
		return ret;

	cdev_init(&m->cdev, &convert_fops);
	ret = cdevm_add_cdev(&m->scope, &m->cdev, m->devt, 2);
	if (ret)
		return ret;

	/*
	 * Names in /dev. device_destroy() of a name that does not exist is
	 * harmless.
	 */
	ret = devm_add_action_or_reset(&pdev->dev, minors_destroy, m);
	for (i = 0; !ret && i < 2; i++) {
		node = device_create(minors_class, &pdev->dev, m->devt + i, m,
				     "cdevm-minor%d", i);
		ret = PTR_ERR_OR_ZERO(node);
	}
	return ret;
}

/* end create */

/* begin completion */
struct answer {
	struct cdevm_scope scope;
	struct miscdevice misc;
	struct completion done;
};

static ssize_t answer_read(struct file *file, char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct answer *a = container_of(file->private_data, struct answer, misc);
	int ret;

	ret = wait_for_completion_interruptible(&a->done);
	if (cdevm_is_revoked(&a->scope))
		return -ENODEV;
	return ret;
}

static void answer_kick(struct cdevm_scope *scope)
{
	/* Stays complete, also for a call that is just about to wait. */
	complete_all(&container_of(scope, struct answer, scope)->done);
}

static const struct cdevm_ops answer_ops = {
	.kick = answer_kick,
};

/* end completion */

static const struct file_operations answer_fops = {
	.owner = THIS_MODULE,
	.read = answer_read,
};

static int answer_probe(struct platform_device *pdev)
{
	struct answer *a = devm_cdevm_alloc(&pdev->dev, struct answer, scope);

	if (IS_ERR(a))
		return PTR_ERR(a);
	init_completion(&a->done);
	cdevm_set_ops(&a->scope, &answer_ops);
	a->misc.minor = MISC_DYNAMIC_MINOR;
	a->misc.name = "cdevm-answer";
	a->misc.fops = &answer_fops;
	return cdevm_register_misc(&a->scope, &a->misc);
}

/* begin work */
struct poller {
	struct cdevm_scope scope;
	struct miscdevice misc;
	struct delayed_work work;
};

static void poller_work(struct work_struct *work)
{
	struct poller *p = container_of(to_delayed_work(work), struct poller, work);

	convert_start_hw();
	convert_stop_hw();
	schedule_delayed_work(&p->work, HZ);
}

static void poller_stop(void *data)
{
	struct poller *p = data;

	cancel_delayed_work_sync(&p->work);
}

static int poller_probe(struct platform_device *pdev)
{
	struct poller *p;
	int ret;

	p = devm_cdevm_alloc(&pdev->dev, struct poller, scope);
	if (IS_ERR(p))
		return PTR_ERR(p);

	INIT_DELAYED_WORK(&p->work, poller_work);
	/*
	 * Added after acquiring the hardware, so it runs before that is
	 * released.
	 */
	ret = devm_add_action_or_reset(&pdev->dev, poller_stop, p);
	if (ret)
		return ret;
	schedule_delayed_work(&p->work, HZ);

	p->misc.minor = MISC_DYNAMIC_MINOR;
	p->misc.name = "cdevm-poller";
	p->misc.fops = &convert_fops;
	return cdevm_register_misc(&p->scope, &p->misc);
}

/* end work */

/* begin unpublish */
static ATOMIC_NOTIFIER_HEAD(others);

struct offered {
	struct cdevm_scope scope;
	struct miscdevice misc;
	struct notifier_block nb;
};

static int offered_event(struct notifier_block *nb, unsigned long event, void *data)
{
	return NOTIFY_OK;
}

static void offered_withdraw(void *data)
{
	struct offered *o = data;

	atomic_notifier_chain_unregister(&others, &o->nb);
}

static int offered_probe(struct platform_device *pdev)
{
	struct offered *o;
	int ret;

	o = devm_cdevm_alloc(&pdev->dev, struct offered, scope);
	if (IS_ERR(o))
		return PTR_ERR(o);

	o->misc.minor = MISC_DYNAMIC_MINOR;
	o->misc.name = "cdevm-offered";
	o->misc.fops = &convert_fops;
	ret = cdevm_register_misc(&o->scope, &o->misc);
	if (ret)
		return ret;

	o->nb.notifier_call = offered_event;
	ret = atomic_notifier_chain_register(&others, &o->nb);
	if (ret)
		return ret;
	/* This has no _or_reset() variant: undo it by hand. */
	ret = devm_add_unpublish_action(&pdev->dev, offered_withdraw, o);
	if (ret)
		offered_withdraw(o);
	return ret;
}

/* end unpublish */

#define DRIVER(_name, ...)				\
static struct platform_driver _name##_driver = {	\
	.driver.name = "cdevm-" #_name,			\
	.probe = _name##_probe,				\
	__VA_ARGS__					\
}

DRIVER(unwind, .remove = unwind_remove);
DRIVER(closing);
DRIVER(minors);
DRIVER(answer);
DRIVER(poller);
DRIVER(offered);

static struct platform_driver *const convert_drivers[] = {
	&unwind_driver, &closing_driver, &minors_driver, &answer_driver,
	&poller_driver, &offered_driver,
};

static int __init convert_init(void)
{
	int ret;

	minors_class = class_create("cdevm-minors");
	if (IS_ERR(minors_class))
		return PTR_ERR(minors_class);
	ret = platform_register_drivers(convert_drivers, ARRAY_SIZE(convert_drivers));
	if (ret)
		class_destroy(minors_class);
	return ret;
}
module_init(convert_init);

static void __exit convert_exit(void)
{
	platform_unregister_drivers(convert_drivers, ARRAY_SIZE(convert_drivers));
	class_destroy(minors_class);
}
module_exit(convert_exit);

MODULE_DESCRIPTION("Examples of the guide to converting drivers to cdevm");
MODULE_LICENSE("GPL");
