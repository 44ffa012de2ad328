// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cdevm_publish_dispatched(): nodes that a subsystem finds by their minor
 *
 * The subsystem has one cdev, a table of file operations, and an open() that goes on to
 * what it finds there, as the USB core has. Its drivers have no devices.
 */
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/rwsem.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-minor"
#define MINORS	2
#define ANSWER	4711
#define PATIENCE	(30 * HZ)

struct gear {
	struct cdevm_scope	scope;
	unsigned int		released;
};

/* Of a node; argument of the functions of its type. */
struct gear_node {
	unsigned int		minor;
};

static struct {
	dev_t			devt;
	struct cdev		*cdev;
	struct vfsmount		*mnt;
	/* Protects the table; held by open() until the driver's has returned. */
	struct rw_semaphore	lock;
	const struct file_operations *table[MINORS];
	struct gear		*gear;
	struct gear_node	nodes[MINORS + 1];
	int			open_ret;
	bool			open_waits;
	struct completion	inside, leave, freed;
} shop;

static int shop_open(struct inode *inode, struct file *file)
{
	const struct file_operations *fops;
	int ret = -ENODEV;

	down_read(&shop.lock);
	fops = fops_get(shop.table[iminor(inode) - MINOR(shop.devt)]);
	if (fops) {
		replace_fops(file, fops);
		ret = file->f_op->open(inode, file);
	}
	up_read(&shop.lock);
	return ret;
}

static const struct file_operations shop_fops = {
	.owner	= THIS_MODULE,
	.open	= shop_open,
};

static int shop_add(struct cdevm_node *node, void *data)
{
	struct gear_node *gear_node = data;
	unsigned int i;
	int ret = -EXFULL;

	down_write(&shop.lock);
	for (i = 0; i < MINORS; i++) {
		if (shop.table[i])
			continue;
		shop.table[i] = cdevm_node_fops(node);
		gear_node->minor = i;
		ret = 0;
		break;
	}
	up_write(&shop.lock);
	return ret;
}

static void shop_remove(void *data)
{
	struct gear_node *gear_node = data;

	down_write(&shop.lock);
	shop.table[gear_node->minor] = NULL;
	up_write(&shop.lock);
}

static const struct cdevm_node_type shop_type = {
	.name	= "shop",
	.add	= shop_add,
	.remove	= shop_remove,
};

static int gear_open(struct inode *inode, struct file *file)
{
	file->private_data = shop.gear;
	if (shop.open_waits) {
		complete(&shop.inside);
		wait_for_completion(&shop.leave);
	}
	return shop.open_ret;
}

static long gear_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->private_data == shop.gear ? ANSWER : -EFAULT;
}

static int gear_release(struct inode *inode, struct file *file)
{
	struct gear *gear = file->private_data;

	gear->released++;
	return 0;
}

static const struct file_operations gear_fops[MINORS] = {
	{
		.owner		= THIS_MODULE,
		.open		= gear_open,
		.unlocked_ioctl	= gear_ioctl,
		.release	= gear_release,
	}, {
		.owner		= THIS_MODULE,
		.open		= gear_open,
		.release	= gear_release,
	},
};

static void gear_released(struct cdevm_scope *scope)
{
	complete(&shop.freed);
}

static const struct cdevm_ops gear_ops = {
	.released = gear_released,
};

static const struct cdevm_ops gear_early_ops = {
	.released		= gear_released,
	.release_at_unbind	= true,
};

static int publish(unsigned int i)
{
	return cdevm_publish_dispatched(&shop.gear->scope, &shop_type,
					&gear_fops[i % MINORS], "gear", &shop.nodes[i]);
}

static void begin(struct kunit *test, const struct cdevm_ops *ops)
{
	shop.gear = cdevm_alloc("gear", struct gear, scope);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, shop.gear);
	cdevm_set_ops(&shop.gear->scope, ops);
	KUNIT_ASSERT_EQ(test, publish(0), 0);
}

/* Do what an unbind does. Open files stay open. */
static void end(void)
{
	cdevm_withdraw(&shop.gear->scope);
	cdevm_put(&shop.gear->scope);
}

static void expect_freed(struct kunit *test)
{
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&shop.freed, PATIENCE), 0);
	shop.gear = NULL;
}

static struct file *open_minor(unsigned int minor)
{
	return node_file(shop.mnt, shop.devt + minor);
}

static long call(struct file *file)
{
	return file->f_op->unlocked_ioctl(file, 0, 0);
}

/* Two nodes with file operations of their own; each file gets those of its node. */
static void minor_dispatch(struct kunit *test)
{
	struct file *file[MINORS];
	unsigned int i;

	begin(test, &gear_ops);
	KUNIT_EXPECT_EQ(test, publish(1), 0);
	for (i = 0; i < MINORS; i++) {
		file[i] = open_minor(i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file[i]);
		KUNIT_EXPECT_PTR_EQ(test, cdevm_file_operations(file[i]), &gear_fops[i]);
		KUNIT_EXPECT_PTR_EQ(test, file[i]->f_op, shop.table[i]);
		KUNIT_EXPECT_PTR_NE(test, file[i]->f_op, &gear_fops[i]);
	}
	KUNIT_EXPECT_EQ(test, call(file[0]), ANSWER);
	KUNIT_EXPECT_NULL(test, file[1]->f_op->unlocked_ioctl);
	close_file(file[1]);
	KUNIT_EXPECT_EQ(test, shop.gear->released, 1);

	end();
	for (i = 0; i < MINORS; i++) {
		KUNIT_EXPECT_NULL(test, shop.table[i]);
		KUNIT_EXPECT_PTR_EQ(test, open_minor(i), ERR_PTR(-ENODEV));
	}
	KUNIT_EXPECT_EQ(test, call(file[0]), -ENODEV);
	KUNIT_EXPECT_EQ(test, shop.gear->released, 1);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&shop.freed));
	close_file(file[0]);
	expect_freed(test);
}

/* With release_at_unbind a file lets go of everything of the driver. */
static void minor_released_early(struct kunit *test)
{
	struct file *file;

	begin(test, &gear_early_ops);
	file = open_minor(0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_EQ(test, call(file), ANSWER);
	cdevm_withdraw(&shop.gear->scope);
	KUNIT_EXPECT_EQ(test, shop.gear->released, 1);
	cdevm_put(&shop.gear->scope);
	expect_freed(test);
	KUNIT_EXPECT_EQ(test, call(file), -ENODEV);
	close_file(file);
}

/* The VFS looks at the file operations once more when open() has failed. */
static void minor_open_fails(struct kunit *test)
{
	unsigned int refs;

	begin(test, &gear_ops);
	refs = refcount_read(&shop.gear->scope.obj.ref);
	shop.open_ret = -EIO;
	KUNIT_EXPECT_PTR_EQ(test, open_minor(0), ERR_PTR(-EIO));
	KUNIT_EXPECT_EQ(test, shop.gear->released, 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&shop.gear->scope.obj.ref), refs);
	end();
	expect_freed(test);
}

/* The subsystem has no minor left. */
static void minor_none_left(struct kunit *test)
{
	struct file *file;

	begin(test, &gear_ops);
	KUNIT_EXPECT_EQ(test, publish(1), 0);
	KUNIT_EXPECT_EQ(test, publish(2), -EXFULL);
	file = open_minor(1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	close_file(file);
	end();
	expect_freed(test);
}

static void minor_no_fops(struct kunit *test)
{
	int ret = 0;

	begin(test, &gear_ops);
	EXPECT_WARNING(test, "has no file operations",
		       ret = cdevm_publish_dispatched(&shop.gear->scope, &shop_type, NULL,
						      "none", &shop.nodes[1]));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	end();
	expect_freed(test);
}

static int open_thread(void *data)
{
	struct file **file = data;

	*file = open_minor(0);
	return 0;
}

static int end_thread(void *data)
{
	end();
	return 0;
}

static struct task_struct *start(int (*what)(void *), void *data)
{
	struct task_struct *task = kthread_run(what, data, NAME);

	return IS_ERR(task) ? NULL : get_task_struct(task);
}

/* The removal waits for an open() that has found the node. */
static void minor_open_beside(struct kunit *test)
{
	struct task_struct *opener, *ender;
	struct file *file = NULL;

	begin(test, &gear_ops);
	shop.open_waits = true;
	opener = start(open_thread, &file);
	KUNIT_ASSERT_NOT_NULL(test, opener);
	wait_for_completion(&shop.inside);
	ender = start(end_thread, NULL);
	if (ender) {
		while (!cdevm_is_revoked(&shop.gear->scope))
			schedule_timeout_uninterruptible(1);
		/* Long enough for one that does not wait. */
		schedule_timeout_uninterruptible(HZ / 10);
		KUNIT_EXPECT_NOT_NULL(test, shop.table[0]);
	}
	shop.open_waits = false;
	complete(&shop.leave);
	kthread_stop_put(opener);
	if (ender)
		kthread_stop_put(ender);
	else
		end();
	KUNIT_EXPECT_NULL(test, shop.table[0]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_EQ(test, call(file), -ENODEV);
	close_file(file);
	expect_freed(test);
}

static int shop_init(struct kunit *test)
{
	int ret;

	memset(&shop, 0, sizeof(shop));
	init_rwsem(&shop.lock);
	init_completion(&shop.inside);
	init_completion(&shop.leave);
	init_completion(&shop.freed);
	ret = nodes_begin(&shop.mnt, &shop.devt, MINORS, NAME);
	if (ret)
		return ret;
	/* DEBUG_KOBJECT_RELEASE lets it live for longer than a test takes. */
	shop.cdev = cdev_alloc();
	ret = -ENOMEM;
	if (!shop.cdev)
		goto err_nodes;
	shop.cdev->ops = &shop_fops;
	shop.cdev->owner = THIS_MODULE;
	ret = cdev_add(shop.cdev, shop.devt, MINORS);
	if (!ret)
		return 0;

	kobject_put(&shop.cdev->kobj);
err_nodes:
	nodes_end(shop.mnt, shop.devt, MINORS);
	shop.mnt = NULL;
	return ret;
}

static void shop_exit(struct kunit *test)
{
	if (!shop.mnt)
		return;
	cdev_del(shop.cdev);
	nodes_end(shop.mnt, shop.devt, MINORS);
}

static struct kunit_case minor_cases[] = {
	KUNIT_CASE(minor_dispatch),
	KUNIT_CASE(minor_released_early),
	KUNIT_CASE(minor_open_fails),
	KUNIT_CASE(minor_none_left),
	KUNIT_CASE(minor_no_fops),
	KUNIT_CASE(minor_open_beside),
	{}
};

static struct kunit_suite minor_suite = {
	.name		= "cdevm-minor",
	.init		= shop_init,
	.exit		= shop_exit,
	.test_cases	= minor_cases,
};

kunit_test_suite(minor_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm's nodes that are found by minor");
MODULE_LICENSE("GPL");
