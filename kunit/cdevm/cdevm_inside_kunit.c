// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cdevm: the calls inside
 *
 * An unbind waits for the calls inside, whoever makes them, except for those
 * that it is made from. Two devices of one driver have a node each, whose calls
 * unbind one or the other. The calls are made by kernel threads, which nobody
 * interrupts and which have no table of files.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-inside"
#define DEVICES	2

/* A driver's private struct. */
struct cell {
	struct cdevm_scope	scope;
	struct cdev		cdev;
	unsigned int		number;
};

static struct {
	struct kunit		*test;
	dev_t			devt;
	struct vfsmount		*mnt;
	struct device		*devs[DEVICES];
	struct cell		*cells[DEVICES];
	struct file		*files[DEVICES];
	struct completion	inside, leave;
	/* A call that was to stay has left the driver. */
	bool			left;
	atomic_t		freed;
} jail;

/* What a call is to do. */
#define STAY	_IO('p', 0x50)	/* until the test lets it go */
#define UNBIND	_IO('p', 0x51)	/* unbind the device with the number @arg */
#define NESTED	_IO('p', 0x52)	/* call device @arg % 16, for UNBIND of @arg / 16 */

static long call(unsigned int n, unsigned int cmd, unsigned long arg)
{
	struct file *file = jail.files[n];

	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

static long cell_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case STAY:
		complete(&jail.inside);
		wait_for_completion(&jail.leave);
		/* A task that has not waited has finished by now. */
		msleep(100);
		WRITE_ONCE(jail.left, true);
		return 0;
	case UNBIND:
		device_release_driver(jail.devs[arg]);
		return 0;
	case NESTED:
		return call(arg % 16, UNBIND, arg / 16);
	}
	return -ENOTTY;
}

static const struct file_operations cell_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= cell_ioctl,
};

static void cell_released(struct cdevm_scope *scope)
{
	atomic_inc(&jail.freed);
}

static const struct cdevm_ops cell_ops = {
	.released = cell_released,
};

/* A device that is bound, with a scope and a node, and a file of it. */
static void cell_new(struct kunit *test, unsigned int n)
{
	struct device *dev = kunit_device_register(test, n ? NAME "-1" : NAME "-0");
	struct cell *cell;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	jail.devs[n] = dev;
	device_lock(dev);
	cell = devm_cdevm_alloc(dev, struct cell, scope);
	device_unlock(dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cell);
	cdevm_set_ops(&cell->scope, &cell_ops);
	cell->number = n;
	jail.cells[n] = cell;
	cdev_init(&cell->cdev, &cell_fops);
	KUNIT_ASSERT_EQ(test, cdevm_add_cdev(&cell->scope, &cell->cdev, jail.devt + n, 1), 0);
	jail.files[n] = node_must_open(test, jail.mnt, jail.devt + n);
}

static int inside_init(struct kunit *test)
{
	unsigned int n;
	int ret;

	memset(&jail, 0, sizeof(jail));
	jail.test = test;
	init_completion(&jail.inside);
	init_completion(&jail.leave);
	ret = nodes_begin(&jail.mnt, &jail.devt, DEVICES, NAME);
	if (ret)
		return ret;
	for (n = 0; n < DEVICES; n++)
		cell_new(test, n);
	return 0;
}

static void inside_exit(struct kunit *test)
{
	unsigned int n;

	if (!jail.mnt)
		return;
	for (n = 0; n < DEVICES; n++) {
		if (!IS_ERR_OR_NULL(jail.devs[n]))
			kunit_device_unregister(test, jail.devs[n]);
		if (!IS_ERR_OR_NULL(jail.files[n]))
			close_file(jail.files[n]);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&jail.freed), DEVICES);
	nodes_end(jail.mnt, jail.devt, DEVICES);
}

/* A call that a thread of its own makes. */
struct caller {
	struct task_struct	*task;
	unsigned int		n, cmd;
	unsigned long		arg;
	struct completion	over;
};

static int caller_main(void *data)
{
	struct caller *c = data;
	long ret = call(c->n, c->cmd, c->arg);

	complete(&c->over);
	return ret;
}

static void caller_start(struct kunit *test, struct caller *c, unsigned int n,
			 unsigned int cmd, unsigned long arg)
{
	c->n = n;
	c->cmd = cmd;
	c->arg = arg;
	init_completion(&c->over);
	c->task = kthread_create(caller_main, c, NAME);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->task);
	get_task_struct(c->task);
	wake_up_process(c->task);
	if (cmd == STAY)
		wait_for_completion(&jail.inside);
}

static int caller_join(struct caller *c)
{
	int ret = kthread_stop(c->task);

	put_task_struct(c->task);
	return ret;
}

/* With nobody in the other device there is nothing to wait for, or to report. */
static void inside_unbinds_sibling(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, call(0, UNBIND, 1), 0);
	KUNIT_EXPECT_NULL(test, jail.devs[1]->driver);
	KUNIT_EXPECT_EQ(test, call(1, UNBIND, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, call(0, UNBIND, 1), 0);
}

static void inside_unbinds_busy_sibling(struct kunit *test)
{
	struct caller stay, leave;

	caller_start(test, &stay, 1, STAY, 0);
	caller_start(test, &leave, 0, UNBIND, 1);
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&leave.over, HZ));
	KUNIT_EXPECT_FALSE(test, completion_done(&stay.over));
	complete_all(&jail.leave);
	wait_for_completion(&leave.over);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(jail.left));
	KUNIT_EXPECT_EQ(test, caller_join(&stay), 0);
	KUNIT_EXPECT_EQ(test, caller_join(&leave), 0);
}

static const struct self {
	const char	*name;
	unsigned int	cmd;
	unsigned long	arg;
} selves[] = {
	{ "from its own call", UNBIND, 0 },
	{ "from a call inside its own call", NESTED, 0 + 16 * 0 },
	{ "from a call of another device", NESTED, 1 + 16 * 0 },
};

KUNIT_ARRAY_PARAM_DESC(self, selves, name);

/*
 * It waits for all calls but its own, and warns once that this is not the way to
 * do it.
 */
static void inside_unbinds_itself(struct kunit *test)
{
	const struct self *self = test->param_value;
	struct caller stay, leave;
	struct wanted log;

	__wanted_begin(&log, "cdevm_unbind_self()", "cdevm: .* of its own driver");
	caller_start(test, &stay, 0, STAY, 0);
	caller_start(test, &leave, 0, self->cmd, self->arg);
	KUNIT_EXPECT_FALSE(test, wait_for_completion_timeout(&leave.over, HZ));
	KUNIT_EXPECT_FALSE(test, completion_done(&stay.over));
	complete_all(&jail.leave);
	wait_for_completion(&leave.over);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(jail.left));
	KUNIT_EXPECT_EQ(test, caller_join(&stay), 0);
	KUNIT_EXPECT_EQ(test, caller_join(&leave), 0);
	KUNIT_EXPECT_NULL(test, jail.devs[0]->driver);
	__wanted_end(test, &log, 0, 1);
}

static struct kunit_case inside_cases[] = {
	KUNIT_CASE(inside_unbinds_sibling),
	KUNIT_CASE(inside_unbinds_busy_sibling),
	KUNIT_CASE_PARAM(inside_unbinds_itself, self_gen_params),
	{}
};

static struct kunit_suite inside_suite = {
	.name		= "cdevm-inside",
	.init		= inside_init,
	.exit		= inside_exit,
	.test_cases	= inside_cases,
};

kunit_test_suite(inside_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm: who is inside");
MODULE_LICENSE("GPL");
