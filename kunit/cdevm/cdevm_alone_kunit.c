// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cdevm: objects that end while a driver is bound, or without
 * one
 *
 * Scopes of no driver, nodes that are removed alone, and files that are on no
 * node.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <trace/events/cdevm.h>

#include "../../cdevm/internal.h"
#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-alone"
#define NODES	3
#define PATIENCE	(30 * HZ)

/* Calls: */
#define STAY	1	/* until the test lets it go */
#define WAIT	2	/* for what does not come, with cdevm_wait_event_killable() */
#define END	3	/* ends the scope, or takes the node back */
#define END_SELF 4	/* asks for it */

/* A struct with a scope, of a driver or of none. */
struct box {
	struct cdevm_scope	scope;
	struct cdev		cdev[NODES];
	struct miscdevice	misc;
	wait_queue_head_t	wait;
	bool			driven;
};

static struct {
	struct kunit		*test;
	struct platform_device	*pdev;
	dev_t			devt;
	struct vfsmount		*mnt;
	struct box		*box;
	const struct cdevm_ops	*ops;
	/* What is bound next has a scope, and no nodes. */
	bool			bare;
	/* Its probe requests a scope for this device, from a work item. */
	struct device		*meant;
	struct completion	inside, leave, freed;
	/* A release ends what its file belongs to, or all of the scope. */
	bool			release_ends, withdraws;
	/* And stays until the test lets it go, as STAY does. */
	bool			release_stays;
	/* What it has found as the device of its scope */
	struct device		*dev;
} yard;

static void box_kick(struct cdevm_scope *scope)
{
	note("kick");
}

static void box_released(struct cdevm_scope *scope)
{
	note("freed");
	complete(&yard.freed);
}

static const struct cdevm_ops box_ops = {
	.kick			= box_kick,
	.released		= box_released,
};

static const struct cdevm_ops box_early_ops = {
	.kick			= box_kick,
	.released		= box_released,
	.release_at_unbind	= true,
};

static const struct cdevm_ops box_nodes_ops = {
	.kick			= box_kick,
	.released		= box_released,
	.nodes_go_alone		= true,
};

static const struct cdevm_ops box_early_nodes_ops = {
	.kick			= box_kick,
	.released		= box_released,
	.nodes_go_alone		= true,
	.release_at_unbind	= true,
};

/* Calls wait for the hardware, which gives up. */
static void box_kick_ends(struct cdevm_scope *scope)
{
	note("kick");
	complete(&yard.leave);
}

static void box_kick_stays(struct cdevm_scope *scope)
{
	complete(&yard.inside);
	wait_for_completion(&yard.leave);
}

static const struct cdevm_ops box_stay_nodes_ops = {
	.kick			= box_kick_stays,
	.released		= box_released,
	.nodes_go_alone		= true,
};

static const struct cdevm_ops box_kick_nodes_ops = {
	.kick			= box_kick_ends,
	.released		= box_released,
	.nodes_go_alone		= true,
};

static int box_open(struct inode *inode, struct file *file)
{
	file->private_data = yard.box;
	return 0;
}

static long box_end(struct box *b, struct file *file, unsigned int cmd)
{
	struct cdev *cdev = file_inode(file)->i_cdev;

	if (b->scope.ops->nodes_go_alone && !yard.withdraws)
		return cdevm_del_cdev(&b->scope, cdev);
	if (cmd == END_SELF)
		return cdevm_unbind_self(&b->scope);
	cdevm_withdraw(&b->scope);
	return 0;
}

static int box_release(struct inode *inode, struct file *file)
{
	struct box *b = file->private_data;

	yard.dev = cdevm_device(&b->scope);
	if (yard.release_stays) {
		complete(&yard.inside);
		wait_for_completion(&yard.leave);
	}
	if (yard.release_ends)
		box_end(b, file, END);
	note("release");
	return 0;
}

static long box_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct box *b = file->private_data;

	switch (cmd) {
	case STAY:
		complete(&yard.inside);
		wait_for_completion(&yard.leave);
		note("call leaves");
		return 0;
	case WAIT:
		complete(&yard.inside);
		return cdevm_wait_event_killable(&b->scope, b->wait, false);
	case END:
	case END_SELF:
		return box_end(b, file, cmd);
	}
	return cmd;
}

static const struct file_operations box_fops = {
	.owner		= THIS_MODULE,
	.open		= box_open,
	.release	= box_release,
	.unlocked_ioctl	= box_ioctl,
};

/* An unlock that ends the scope */
static int box_flock(struct file *file, int cmd, struct file_lock *fl)
{
	struct box *b = file->private_data;

	cdevm_withdraw(&b->scope);
	note("unlock");
	return 0;
}

static const struct file_operations box_lock_fops = {
	.owner		= THIS_MODULE,
	.open		= box_open,
	.release	= box_release,
	.flock		= box_flock,
};

static const struct file_operations plain_fops = {
	.owner		= THIS_MODULE,
};

static void box_setup(struct box *b)
{
	unsigned int i;

	yard.box = b;
	init_waitqueue_head(&b->wait);
	for (i = 0; i < NODES; i++)
		cdev_init(&b->cdev[i], &box_fops);
	b->misc.name = NAME "-misc";
	b->misc.minor = MISC_DYNAMIC_MINOR;
	b->misc.fops = &box_fops;
	cdevm_set_ops(&b->scope, yard.ops);
}

static int box_publish(struct box *b, unsigned int count)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++)
		ret = cdevm_add_cdev(&b->scope, &b->cdev[i], yard.devt + i, 1);
	return ret;
}

static struct box *box_new(struct kunit *test, const struct cdevm_ops *ops)
{
	struct box *b = cdevm_alloc(NAME, struct box, scope);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b);
	yard.ops = ops;
	box_setup(b);
	reinit_completion(&yard.freed);
	KUNIT_EXPECT_EQ(test, cdevm_add_action(&b->scope, note_action, "resources go"), 0);
	return b;
}

/**
 * struct request - a request for a scope of another device
 * @work: makes it, where nobody knows that a probe is running
 * @ret: its result
 */
struct request {
	struct work_struct	work;
	int			ret;
};

static void request_scope(struct work_struct *work)
{
	struct request *r = container_of(work, struct request, work);

	r->ret = PTR_ERR_OR_ZERO(devm_cdevm_create(yard.meant));
}

static int request_elsewhere(void)
{
	struct request r;

	INIT_WORK_ONSTACK(&r.work, request_scope);
	schedule_work(&r.work);
	flush_work(&r.work);
	destroy_work_on_stack(&r.work);
	return r.ret;
}

static int box_probe(struct platform_device *pdev)
{
	struct box *b;

	if (yard.meant)
		return request_elsewhere();
	if (yard.bare)
		return PTR_ERR_OR_ZERO(devm_cdevm_create(&pdev->dev));
	b = devm_cdevm_alloc(&pdev->dev, struct box, scope);
	if (IS_ERR(b))
		return PTR_ERR(b);
	box_setup(b);
	b->driven = true;
	return box_publish(b, NODES) ?: cdevm_register_misc(&b->scope, &b->misc);
}

static void box_remove(struct platform_device *pdev)
{
	note("remove");
}

static struct platform_driver box_driver = {
	.probe	= box_probe,
	.remove	= box_remove,
	.driver	= {
		.name	= NAME,
	},
};

static void bind(struct kunit *test, const struct cdevm_ops *ops)
{
	yard.ops = ops;
	reinit_completion(&yard.freed);
	KUNIT_ASSERT_EQ(test, device_driver_attach(&box_driver.driver, &yard.pdev->dev), 0);
}

static void unbind(void)
{
	device_release_driver(&yard.pdev->dev);
}

static struct file *open_node(struct kunit *test, unsigned int i)
{
	return node_must_open(test, yard.mnt, yard.devt + i);
}

static long call(struct file *file, unsigned int cmd)
{
	return file->f_op->unlocked_ioctl(file, cmd, 0);
}

static bool wait_freed(void)
{
	return wait_for_completion_timeout(&yard.freed, PATIENCE);
}

/* A thread that does one thing. */
struct worker {
	struct task_struct	*task;
	struct file		*file;
	unsigned int		cmd, node;
	long			ret;
	struct completion	done;
};

static int worker_calls(void *data)
{
	struct worker *w = data;

	w->ret = call(w->file, w->cmd);
	complete(&w->done);
	return 0;
}

static int worker_withdraws(void *data)
{
	struct worker *w = data;

	cdevm_withdraw(&yard.box->scope);
	note("withdrawn");
	complete(&w->done);
	return 0;
}

static int worker_deletes(void *data)
{
	struct worker *w = data;

	w->ret = cdevm_del_cdev(&yard.box->scope, &yard.box->cdev[w->node]);
	note("deleted");
	complete(&w->done);
	return 0;
}

static int worker_unbinds(void *data)
{
	struct worker *w = data;

	unbind();
	complete(&w->done);
	return 0;
}

static int worker_closes(void *data)
{
	struct worker *w = data;

	close_file(w->file);
	complete(&w->done);
	return 0;
}

static void work(struct kunit *test, struct worker *w, int (*fn)(void *data))
{
	init_completion(&w->done);
	w->task = kthread_run(fn, w, "alone-worker");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->task);
}

static void work_in_call(struct kunit *test, struct worker *w, struct file *file,
			 unsigned int cmd)
{
	w->file = file;
	w->cmd = cmd;
	work(test, w, worker_calls);
	wait_for_completion(&yard.inside);
}

/* A wait for a call that stays never ends, so any delay shows it. */
static bool waits(struct worker *w)
{
	msleep(300);
	return !completion_done(&w->done);
}

static int yard_init(struct kunit *test)
{
	int ret;

	memset(&yard, 0, sizeof(yard));
	yard.test = test;
	notes_clear();
	init_completion(&yard.inside);
	init_completion(&yard.leave);
	init_completion(&yard.freed);
	ret = nodes_begin(&yard.mnt, &yard.devt, NODES, NAME);
	if (ret)
		return ret;
	ret = platform_driver_register(&box_driver);
	if (ret)
		goto err_nodes;
	/* Not by its name: each test binds it by hand. */
	yard.pdev = platform_device_register_simple(NAME "-device", PLATFORM_DEVID_AUTO,
						    NULL, 0);
	ret = PTR_ERR_OR_ZERO(yard.pdev);
	if (!ret)
		return 0;
	platform_driver_unregister(&box_driver);
err_nodes:
	nodes_end(yard.mnt, yard.devt, NODES);
	yard.pdev = NULL;
	return ret;
}

static void yard_exit(struct kunit *test)
{
	if (!yard.pdev)
		return;
	platform_device_unregister(yard.pdev);
	platform_driver_unregister(&box_driver);
	nodes_end(yard.mnt, yard.devt, NODES);
}

/* --- scopes of no driver */

static void alone_unused(struct kunit *test)
{
	cdevm_put(&box_new(test, &box_ops)->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "resources go", "freed");
}

static void alone_withdrawn(struct kunit *test)
{
	struct box *b = box_new(test, &box_ops);
	struct file *file;

	KUNIT_EXPECT_EQ(test, box_publish(b, 1), 0);
	KUNIT_EXPECT_EQ(test, cdevm_register_misc(&b->scope, &b->misc), 0);
	file = open_node(test, 0);
	KUNIT_EXPECT_EQ(test, call(file, 7), 7);
	cdevm_withdraw(&b->scope);
	EXPECT_NOTES(test, "kick");
	KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(node_file(yard.mnt, yard.devt)), -ENODEV);
	KUNIT_EXPECT_EQ(test, box_publish(b, 1), -ENODEV);
	/* Nothing is done twice. */
	cdevm_withdraw(&b->scope);
	cdevm_put(&b->scope);
	EXPECT_NO_NOTES(test);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "release", "resources go", "freed");
}

static void alone_released_early(struct kunit *test)
{
	struct box *b = box_new(test, &box_early_ops);
	struct file *file;

	KUNIT_EXPECT_EQ(test, box_publish(b, 1), 0);
	file = open_node(test, 0);
	cdevm_withdraw(&b->scope);
	EXPECT_NOTES(test, "kick", "release");
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "resources go", "freed");
	KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
	close_file(file);
	EXPECT_NO_NOTES(test);
}

/* Of two who end it neither returns before it has ended. */
static void alone_withdrawn_twice(struct kunit *test)
{
	struct box *b = box_new(test, &box_ops);
	struct worker stays = {}, one = {}, two = {};
	struct file *file;

	KUNIT_EXPECT_EQ(test, box_publish(b, 1), 0);
	file = open_node(test, 0);
	work_in_call(test, &stays, file, STAY);
	work(test, &one, worker_withdraws);
	work(test, &two, worker_withdraws);
	KUNIT_EXPECT_TRUE(test, waits(&one) && waits(&two));
	complete(&yard.leave);
	wait_for_completion(&one.done);
	wait_for_completion(&two.done);
	wait_for_completion(&stays.done);
	EXPECT_NOTES(test, "kick", "call leaves", "withdrawn", "withdrawn");
	close_file(file);
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void alone_ended_by_itself(struct kunit *test)
{
	struct box *b = box_new(test, &box_early_ops);
	struct file *file;
	long ret = -1;

	KUNIT_EXPECT_EQ(test, box_publish(b, 1), 0);
	file = open_node(test, 0);
	EXPECT_LINE_OF(test, "cdevm", "cdevm_unbind_self()", ret = call(file, END));
	KUNIT_EXPECT_EQ(test, ret, 0);
	/* The call has used its file until now, so it is not released. */
	EXPECT_NOTES(test, "kick");
	KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
	close_file(file);
	EXPECT_NOTES(test, "release");
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "resources go", "freed");
}

static void alone_asks_for_its_end(struct kunit *test)
{
	struct box *b = box_new(test, &box_early_ops);
	struct file *file;

	KUNIT_EXPECT_EQ(test, box_publish(b, 1), 0);
	file = open_node(test, 0);
	KUNIT_EXPECT_EQ(test, call(file, END_SELF), 0);
	/* Nothing is left to do but to wait for it. */
	cdevm_withdraw(&b->scope);
	EXPECT_NOTES(test, "kick", "release");
	KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	close_file(file);
	EXPECT_NOTES(test, "resources go", "freed");
}

/* --- nodes that go alone */

static const struct cdevm_ops *const nodes_ops[] = { &box_nodes_ops, &box_early_nodes_ops };

static void ops_desc(const struct cdevm_ops *const *ops, char *desc)
{
	strscpy(desc, (*ops)->release_at_unbind ? "released at unbind" : "released at close",
		KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(nodes_ops, nodes_ops, ops_desc);

static bool ops_early(struct kunit *test)
{
	return (*(const struct cdevm_ops *const *)test->param_value)->release_at_unbind;
}

static void alone_node_deleted(struct kunit *test)
{
	struct worker stays = {}, deletes = {};
	struct file *files[NODES];
	struct box *b;
	int i;

	bind(test, *(const struct cdevm_ops *const *)test->param_value);
	b = yard.box;
	for (i = 0; i < NODES; i++)
		files[i] = open_node(test, i);
	work_in_call(test, &stays, files[0], STAY);

	/* Nobody is in the second one, and nobody else is waited for. */
	KUNIT_EXPECT_EQ(test, cdevm_del_cdev(&b->scope, &b->cdev[1]), 0);
	if (ops_early(test))
		EXPECT_NOTES(test, "release");
	else
		EXPECT_NO_NOTES(test);
	KUNIT_EXPECT_EQ(test, call(files[1], 7), -ENODEV);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(node_file(yard.mnt, yard.devt + 1)), -ENODEV);
	KUNIT_EXPECT_EQ(test, call(files[0], 7), 7);
	KUNIT_EXPECT_EQ(test, call(files[2], 7), 7);
	KUNIT_EXPECT_FALSE(test, cdevm_is_revoked(&b->scope));
	close_file(files[1]);

	/* The call that is inside is waited for. */
	notes_clear();
	deletes.node = 0;
	work(test, &deletes, worker_deletes);
	KUNIT_EXPECT_TRUE(test, waits(&deletes));
	KUNIT_EXPECT_EQ(test, call(files[0], 7), -ENODEV);
	KUNIT_EXPECT_EQ(test, call(files[2], 7), 7);
	complete(&yard.leave);
	wait_for_completion(&deletes.done);
	wait_for_completion(&stays.done);
	KUNIT_EXPECT_EQ(test, deletes.ret, 0);
	if (ops_early(test))
		EXPECT_NOTES(test, "call leaves", "release", "deleted");
	else
		EXPECT_NOTES(test, "call leaves", "deleted");

	unbind();
	if (ops_early(test))
		EXPECT_NOTES(test, "kick", "release", "remove", "freed");
	else
		EXPECT_NOTES(test, "kick", "remove");
	KUNIT_EXPECT_EQ(test, call(files[2], 7), -ENODEV);
	close_file(files[0]);
	close_file(files[2]);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* A sleeper in a removed node is woken, and one in another node is not. */
static void alone_node_wakes(struct kunit *test)
{
	struct worker one = {}, two = {};
	struct file *files[2];
	struct box *b;

	bind(test, &box_nodes_ops);
	b = yard.box;
	files[0] = open_node(test, 0);
	files[1] = open_node(test, 1);
	work_in_call(test, &one, files[0], WAIT);
	work_in_call(test, &two, files[1], WAIT);
	KUNIT_EXPECT_EQ(test, cdevm_del_cdev(&b->scope, &b->cdev[0]), 0);
	wait_for_completion(&one.done);
	KUNIT_EXPECT_EQ(test, one.ret, -ENODEV);
	KUNIT_EXPECT_TRUE(test, waits(&two));
	unbind();
	wait_for_completion(&two.done);
	KUNIT_EXPECT_EQ(test, two.ret, -ENODEV);
	close_file(files[0]);
	close_file(files[1]);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void alone_node_deletes_itself(struct kunit *test)
{
	struct file *file;
	int i;

	bind(test, &box_early_nodes_ops);
	file = open_node(test, 0);
	KUNIT_EXPECT_EQ(test, call(file, END), 0);
	for (i = 0; i < 3000 && !READ_ONCE(notes.count); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
	unbind();
	EXPECT_NOTES(test, "release", "kick", "remove", "freed");
	close_file(file);
}

/*
 * A call of a node that is removed alone stays until kick(), which is called by
 * the unbind only. The unbind gets there while the removal waits for the call.
 */
static void alone_node_waits_for_kick(struct kunit *test)
{
	struct worker stays = {}, deletes = {}, unbinds = {};
	struct file *file;

	bind(test, &box_kick_nodes_ops);
	file = open_node(test, 0);
	work_in_call(test, &stays, file, STAY);
	work(test, &deletes, worker_deletes);
	KUNIT_EXPECT_TRUE(test, waits(&deletes));
	work(test, &unbinds, worker_unbinds);
	if (!wait_for_completion_timeout(&unbinds.done, PATIENCE)) {
		KUNIT_FAIL(test, "no kick()");
		complete(&yard.leave);
		wait_for_completion(&unbinds.done);
	}
	wait_for_completion(&stays.done);
	wait_for_completion(&deletes.done);
	KUNIT_EXPECT_EQ(test, deletes.ret, 0);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/*
 * A release() that ends what its file belongs to, when another task is doing
 * that, and waits for it. A bug makes this hang.
 */
static void release_ends(struct kunit *test, int (*ends)(void *data))
{
	struct worker stays = {}, ender = {}, closes = {};
	struct file *file;

	file = open_node(test, 0);
	closes.file = open_node(test, 0);
	work_in_call(test, &stays, file, STAY);
	work(test, &ender, ends);
	KUNIT_EXPECT_TRUE(test, waits(&ender));
	yard.release_ends = true;
	work(test, &closes, worker_closes);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&closes.done, PATIENCE));
	KUNIT_EXPECT_FALSE(test, completion_done(&ender.done));
	yard.release_ends = false;
	complete(&yard.leave);
	wait_for_completion(&stays.done);
	wait_for_completion(&ender.done);
	close_file(file);
}

static void alone_release_deletes(struct kunit *test)
{
	bind(test, &box_early_nodes_ops);
	release_ends(test, worker_deletes);
	EXPECT_NOTES(test, "release", "call leaves", "release", "deleted");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void release_withdraws(struct kunit *test, const struct cdevm_ops *how)
{
	struct box *b = box_new(test, how);

	KUNIT_ASSERT_EQ(test, box_publish(b, 1), 0);
	yard.withdraws = true;
	release_ends(test, worker_withdraws);
	EXPECT_NOTES(test, "kick", "release", "call leaves", "release", "withdrawn");
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void alone_release_withdraws(struct kunit *test)
{
	release_withdraws(test, &box_early_ops);
}

/* The file is one of a node with a gate of its own. */
static void alone_release_withdraws_all(struct kunit *test)
{
	release_withdraws(test, &box_early_nodes_ops);
}

/*
 * A release() that was inside before the revoke, and then withdraws the scope:
 * the other task, which was first, waits for it. A bug makes this hang.
 */
static void release_inside_withdraws(struct kunit *test, const struct cdevm_ops *how)
{
	struct worker ender = {}, closes = {};
	struct box *b = box_new(test, how);

	KUNIT_ASSERT_EQ(test, box_publish(b, 1), 0);
	closes.file = open_node(test, 0);
	yard.release_ends = true;
	yard.release_stays = true;
	yard.withdraws = true;
	work(test, &closes, worker_closes);
	wait_for_completion(&yard.inside);
	work(test, &ender, worker_withdraws);
	KUNIT_EXPECT_TRUE(test, waits(&ender));
	complete(&yard.leave);
	wait_for_completion(&closes.done);
	wait_for_completion(&ender.done);
	EXPECT_NOTES(test, "kick", "release", "withdrawn");
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/*
 * An unlock of a file that the task which ends the scope has not come to yet,
 * and waits for. A bug makes this hang.
 */
static void alone_unlock_withdraws(struct kunit *test)
{
	struct box *b = box_new(test, &box_early_ops);
	struct worker ender = {};
	struct file *older, *newer;

	b->misc.fops = &box_lock_fops;
	KUNIT_ASSERT_EQ(test, cdevm_register_misc(&b->scope, &b->misc), 0);
	older = node_must_open(test, yard.mnt, MKDEV(MISC_MAJOR, b->misc.minor));
	newer = node_must_open(test, yard.mnt, MKDEV(MISC_MAJOR, b->misc.minor));
	yard.release_stays = true;
	work(test, &ender, worker_withdraws);
	wait_for_completion(&yard.inside);
	yard.release_stays = false;
	KUNIT_EXPECT_EQ(test, lock_file(older, F_UNLCK), 0);
	EXPECT_NOTES(test, "kick", "unlock");
	complete(&yard.leave);
	wait_for_completion(&ender.done);
	EXPECT_NOTES(test, "release", "release", "withdrawn");
	close_file(newer);
	close_file(older);
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void alone_release_inside_withdraws(struct kunit *test)
{
	release_inside_withdraws(test, &box_ops);
}

static void alone_release_inside_withdraws_all(struct kunit *test)
{
	release_inside_withdraws(test, &box_early_nodes_ops);
}

/* A node with a gate of its own that cannot be published, or no more */
static void alone_node_refused(struct kunit *test)
{
	struct miscdevice other = { .name = NAME "-other", .fops = &box_fops };
	struct box *b;

	bind(test, &box_nodes_ops);
	b = yard.box;
	/* It is taken; newer kernels say that it may not be asked for. */
	other.minor = b->misc.minor;
	KUNIT_EXPECT_LT(test, cdevm_register_misc(&b->scope, &other), 0);
	KUNIT_EXPECT_PTR_EQ(test, other.fops, &box_fops);
	cdevm_get(&b->scope);
	unbind();
	KUNIT_EXPECT_EQ(test, cdevm_register_misc(&b->scope, &other), -ENODEV);
	KUNIT_EXPECT_PTR_EQ(test, other.fops, &box_fops);
	KUNIT_EXPECT_TRUE(test, list_empty(&b->scope.parts));
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* A part as it is before its node is published */
#ifdef MODULE
static struct cdevm_scope *new_part(struct kunit *test)
{
	kunit_skip(test, "needs functions that are not exported");
	return NULL;
}

static void drop_part(struct cdevm_scope *part)
{
}
#else
static struct cdevm_scope *new_part(struct kunit *test)
{
	struct cdevm_node *node;
	struct cdevm_scope *part = cdevm_add_part(&yard.box->scope, &node);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, part);
	KUNIT_EXPECT_PTR_EQ(test, node->fops.scope, part);
	return part;
}

static void drop_part(struct cdevm_scope *part)
{
	cdevm_drop_part(part);
}
#endif

/* Another task ends all of the scope: whoever publishes the node still has it. */
static void alone_part_stays(struct kunit *test)
{
	struct cdevm_scope *part;

	bind(test, &box_nodes_ops);
	part = new_part(test);
	unbind();
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(part));
	drop_part(part);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* Whoever drops it runs the steps that the other task has not come to. */
static void alone_part_is_finished(struct kunit *test)
{
	struct worker unbinds = {};
	struct cdevm_scope *part;

	bind(test, &box_stay_nodes_ops);
	part = new_part(test);
	work(test, &unbinds, worker_unbinds);
	wait_for_completion(&yard.inside);
	KUNIT_EXPECT_EQ(test, part->bound.next, 1);
	resmgr_object_get(&part->obj);
	drop_part(part);
	KUNIT_EXPECT_EQ(test, part->bound.next, part->bound.steps);
	resmgr_object_put(&part->obj);
	complete(&yard.leave);
	wait_for_completion(&unbinds.done);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* A release at unbind may use what the driver has, as it may at a close. */
static void alone_release_has_device(struct kunit *test)
{
	struct file *file;

	bind(test, &box_early_ops);
	close_file(open_node(test, 0));
	KUNIT_EXPECT_PTR_EQ(test, yard.dev, &yard.pdev->dev);
	yard.dev = NULL;
	file = open_node(test, 0);
	unbind();
	KUNIT_EXPECT_PTR_EQ(test, yard.dev, &yard.pdev->dev);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* Calls use the device of a misc device, for messages at least. */
static void alone_misc_device_stays(struct kunit *test)
{
	struct worker stays = {}, unbinds = {};
	struct device *device;
	struct file *file;

	bind(test, &box_ops);
	device = yard.box->misc.this_device;
	file = node_file(yard.mnt, MKDEV(MISC_MAJOR, yard.box->misc.minor));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	work_in_call(test, &stays, file, STAY);
	work(test, &unbinds, worker_unbinds);
	KUNIT_EXPECT_TRUE(test, waits(&unbinds));
	/* It is not published any more. */
	KUNIT_EXPECT_FALSE(test, device_is_registered(device));
	KUNIT_EXPECT_GT(test, kref_read(&device->kobj.kref), 0);
	complete(&yard.leave);
	wait_for_completion(&stays.done);
	wait_for_completion(&unbinds.done);
	/* So does a release. */
	KUNIT_EXPECT_GT(test, kref_read(&device->kobj.kref), 0);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void alone_misc_again(struct kunit *test)
{
	struct file *file;
	struct box *b;
	int i;

	bind(test, &box_nodes_ops);
	b = yard.box;
	for (i = 0; i < 3; i++) {
		file = node_file(yard.mnt, MKDEV(MISC_MAJOR, b->misc.minor));
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
		KUNIT_EXPECT_EQ(test, call(file, 7), 7);
		KUNIT_EXPECT_EQ(test, cdevm_register_misc(&b->scope, &b->misc), -EBUSY);
		KUNIT_EXPECT_EQ(test, cdevm_deregister_misc(&b->scope, &b->misc), 0);
		KUNIT_EXPECT_PTR_EQ(test, b->misc.fops, &box_fops);
		KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
		close_file(file);
		b->misc.minor = MISC_DYNAMIC_MINOR;
		KUNIT_EXPECT_EQ(test, cdevm_register_misc(&b->scope, &b->misc), 0);
	}
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "release", "release", "release", "kick", "remove", "freed");
}

static struct platform_device *new_child(struct kunit *test)
{
	struct platform_device *child;

	child = platform_device_register_data(&yard.pdev->dev, NAME "-child",
					      PLATFORM_DEVID_AUTO, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, child);
	return child;
}

/*
 * The parent instead of the device that is probed, in a worker as PCI has for
 * it: the scope would not end with the driver.
 */
static void alone_parent_of_probed(struct kunit *test)
{
	struct platform_device *child = new_child(test);
	int ret = 0;

	yard.meant = &yard.pdev->dev;
	EXPECT_WARNING(test, "is not being probed, and its scope would not end",
		       ret = device_driver_attach(&box_driver.driver, &child->dev));
	yard.meant = NULL;
	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_NULL(test, child->dev.driver);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&yard.pdev->dev.devres));
	/* Its own parent is not probed, either. */
	yard.meant = yard.pdev->dev.parent;
	EXPECT_WARNING(test, "is not being probed, and its scope would not end",
		       ret = device_driver_attach(&box_driver.driver, &child->dev));
	yard.meant = NULL;
	KUNIT_EXPECT_LT(test, ret, 0);
	platform_device_unregister(child);
}

/* sysfs takes the lock of the parent of such a device, and so does its own unbind. */
static void alone_parent_is_locked(struct kunit *test)
{
	static const struct device_type type = { .need_parent_lock = true };
	struct platform_device *child = new_child(test);
	struct file *file;

	child->dev.type = &type;
	yard.ops = &box_ops;
	reinit_completion(&yard.freed);
	KUNIT_ASSERT_EQ(test, device_driver_attach(&box_driver.driver, &child->dev), 0);
	file = open_node(test, 0);
	device_lock(&yard.pdev->dev);
	KUNIT_EXPECT_EQ(test, call(file, END_SELF), 0);
	/* Time enough for a work item that does not wait. */
	msleep(200);
	EXPECT_NO_NOTES(test);
	device_unlock(&yard.pdev->dev);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	KUNIT_EXPECT_NULL(test, child->dev.driver);
	KUNIT_EXPECT_GE(test, note_find("remove"), 0);
	notes_clear();
	platform_device_unregister(child);
}

/* The unbind of a parent revokes the scopes below it, with their nodes. */
static void alone_node_of_child(struct kunit *test)
{
	struct platform_device *child;
	struct file *file;

	yard.bare = true;
	KUNIT_ASSERT_EQ(test, device_driver_attach(&box_driver.driver, &yard.pdev->dev), 0);
	yard.bare = false;
	child = new_child(test);
	yard.ops = &box_nodes_ops;
	KUNIT_EXPECT_EQ(test, device_driver_attach(&box_driver.driver, &child->dev), 0);
	file = open_node(test, 0);
	KUNIT_EXPECT_EQ(test, call(file, 7), 7);
	unbind();
	EXPECT_NOTES(test, "remove");
	KUNIT_EXPECT_NOT_NULL(test, child->dev.driver);
	KUNIT_EXPECT_EQ(test, call(file, 7), -ENODEV);
	platform_device_unregister(child);
	EXPECT_NOTES(test, "kick", "remove");
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

static void alone_node_wrong(struct kunit *test)
{
	struct box *b;
	int ret = 0;

	bind(test, &box_ops);
	b = yard.box;
	EXPECT_WARNING(test, "takes back a node",
		       ret = cdevm_del_cdev(&b->scope, &b->cdev[0]));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* --- files that are on no node */

static void alone_anon(struct kunit *test)
{
	struct file *files[2];
	struct box *b;
	int i, fd;

	bind(test, *(const struct cdevm_ops *const *)test->param_value);
	b = yard.box;
	for (i = 0; i < 2; i++) {
		fd = cdevm_anon_inode_getfd(&b->scope, "[cdevm-alone]", &box_fops, b,
					    O_RDWR | O_CLOEXEC);
		KUNIT_ASSERT_GE(test, fd, 0);
		files[i] = fget(fd);
		KUNIT_ASSERT_NOT_NULL(test, files[i]);
		close_fd(fd);
		KUNIT_EXPECT_EQ(test, call(files[i], 7), 7);
	}
	/* Of the same operations there is one wrapped copy. */
	KUNIT_EXPECT_PTR_EQ(test, files[0]->f_op, files[1]->f_op);
	close_file(files[0]);
	EXPECT_NOTES(test, "release");
	unbind();
	if (ops_early(test))
		EXPECT_NOTES(test, "kick", "release", "remove", "freed");
	else
		EXPECT_NOTES(test, "kick", "remove");
	KUNIT_EXPECT_EQ(test, call(files[1], 7), -ENODEV);
	close_file(files[1]);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* A file that cannot be made any more is not released. */
static void alone_files_refused(struct kunit *test)
{
	struct box *b;

	bind(test, &box_ops);
	b = yard.box;
	cdevm_get(&b->scope);
	unbind();
	KUNIT_EXPECT_EQ(test, cdevm_anon_inode_getfd(&b->scope, "[cdevm-alone]", &box_fops, b,
						     O_RDWR | O_CLOEXEC), -ENODEV);
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "kick", "remove", "freed");
}

/* Someone stays inside whose call has no file: there is no task to name. */
static void alone_entered_for_long(struct kunit *test)
{
	struct box *b = box_new(test, &box_ops);
	struct worker w = {};

	KUNIT_ASSERT_TRUE(test, cdevm_enter(&b->scope));
	work(test, &w, worker_withdraws);
	expect_logged(test, "none of a file operation");
	KUNIT_EXPECT_FALSE(test, completion_done(&w.done));
	cdevm_exit(&b->scope);
	wait_for_completion(&w.done);
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/* The operations of a file of something else are its own. */
static void alone_file_of_another(struct kunit *test)
{
	struct file *file = anon_inode_getfile("[cdevm-alone]", &plain_fops, NULL, O_RDWR);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_PTR_EQ(test, cdevm_file_operations(file), &plain_fops);
	close_file(file);
}

static void count_scope(void *data, const struct cdevm_scope *scope, u32 seq)
{
	note("create");
}

static void count_open(void *data, const struct cdevm_scope *scope, const char *node,
		       const struct file *file, u32 seq)
{
	note("open %s", node);
}

static void count_close(void *data, const struct cdevm_scope *scope, const char *node,
			const struct file *file, u32 seq)
{
	note("close %s", node);
}

/* Each scope and file has its event, on a node or on none, and of a part. */
static void alone_traced(struct kunit *test)
{
	struct probe probes[] = {
		{ "cdevm_create", count_scope }, { "cdevm_open", count_open },
		{ "cdevm_close", count_close },
	};
	struct file *file;
	struct box *b;
	int i, fd;

	check_trace_callback_type_cdevm_create(count_scope);
	check_trace_callback_type_cdevm_open(count_open);
	check_trace_callback_type_cdevm_close(count_close);
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		KUNIT_EXPECT_TRUE(test, probe_register(&probes[i], NULL));

	b = box_new(test, &box_early_nodes_ops);
	KUNIT_EXPECT_EQ(test, box_publish(b, 1), 0);
	/* The scope, and the part that is its node. */
	EXPECT_NOTES(test, "create", "create");
	fd = cdevm_anon_inode_getfd(&b->scope, "[none]", &box_fops, b, O_RDWR | O_CLOEXEC);
	KUNIT_EXPECT_GE(test, fd, 0);
	/* No assertion while there are probes. */
	file = node_file(yard.mnt, yard.devt);
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(file));
	KUNIT_EXPECT_EQ(test, notes.count, 2);
	KUNIT_EXPECT_STREQ(test, note_text(0), "open [none]");
	KUNIT_EXPECT_EQ(test, strncmp(note_text(1), "open ", 5), 0);
	notes_clear();
	if (!IS_ERR_OR_NULL(file))
		close_file(file);
	KUNIT_EXPECT_STREQ(test, note_text(0), "release");
	KUNIT_EXPECT_EQ(test, strncmp(note_text(1), "close ", 6), 0);
	notes_clear();

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		probe_unregister(&probes[i]);
	if (fd >= 0)
		close_fd(fd);
	cdevm_withdraw(&b->scope);
	cdevm_put(&b->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed());
}

/*
 * Its owner has forgotten to withdraw it: the nodes work, until somebody else
 * does.
 */
static void alone_not_withdrawn(struct kunit *test)
{
	struct box *b = box_new(test, &box_ops);
	struct file *file;
	dev_t devt;

	KUNIT_EXPECT_EQ(test, cdevm_register_misc(&b->scope, &b->misc), 0);
	devt = MKDEV(MISC_MAJOR, b->misc.minor);
	cdevm_put(&b->scope);
	EXPECT_NO_NOTES(test);
	file = node_file(yard.mnt, devt);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_EQ(test, call(file, 7), 7);
	KUNIT_EXPECT_EQ(test, call(file, END_SELF), 0);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	KUNIT_EXPECT_EQ(test, notes.count, 4);
	notes_clear();
	KUNIT_EXPECT_PTR_EQ(test, node_file(yard.mnt, devt), ERR_PTR(-ENODEV));
}

static struct box *box_with_action(struct kunit *test, enum cdevm_step step)
{
	struct box *b = box_new(test, &box_ops);

	KUNIT_EXPECT_EQ(test, cdevm_add_step_action(&b->scope, step, note_action, "action"), 0);
	return b;
}

/*
 * An action of the step in which nodes are removed is no node, and holds
 * nothing.
 */
static void alone_step_action(struct kunit *test)
{
	enum cdevm_step step;
	struct box *b;
	int nodes;

	for (nodes = 0; nodes < 2; nodes++) {
		b = box_with_action(test, CDEVM_STEP_UNPUBLISH);
		if (nodes)
			KUNIT_EXPECT_EQ(test, cdevm_register_misc(&b->scope, &b->misc), 0);
		cdevm_withdraw(&b->scope);
		EXPECT_NOTES(test, "kick", "action");
		cdevm_put(&b->scope);
		KUNIT_EXPECT_TRUE(test, wait_freed());
		EXPECT_NOTES(test, "resources go", "freed");
	}

	b = box_with_action(test, CDEVM_STEP_UNPUBLISH);
	EXPECT_WARNING(test, "the last reference has gone before cdevm_withdraw()",
		       cdevm_put(&b->scope));
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "action", "resources go", "freed");

	/* Of the other steps that is all right: no node was published. */
	for (step = CDEVM_STEP_KICK; step <= CDEVM_STEP_STOP; step++) {
		if (step == CDEVM_STEP_UNPUBLISH)
			continue;
		b = box_with_action(test, step);
		cdevm_put(&b->scope);
		KUNIT_EXPECT_TRUE(test, wait_freed());
		EXPECT_NOTES(test, "action", "resources go", "freed");
	}
}

static struct kunit_case alone_cases[] = {
	KUNIT_CASE(alone_unused),
	KUNIT_CASE(alone_withdrawn),
	KUNIT_CASE(alone_released_early),
	KUNIT_CASE(alone_withdrawn_twice),
	KUNIT_CASE(alone_ended_by_itself),
	KUNIT_CASE(alone_asks_for_its_end),
	KUNIT_CASE_PARAM(alone_node_deleted, nodes_ops_gen_params),
	KUNIT_CASE(alone_node_wakes),
	KUNIT_CASE(alone_node_deletes_itself),
	KUNIT_CASE(alone_node_waits_for_kick),
	KUNIT_CASE(alone_release_deletes),
	KUNIT_CASE(alone_release_withdraws),
	KUNIT_CASE(alone_release_withdraws_all),
	KUNIT_CASE(alone_unlock_withdraws),
	KUNIT_CASE(alone_release_inside_withdraws),
	KUNIT_CASE(alone_release_inside_withdraws_all),
	KUNIT_CASE(alone_node_refused),
	KUNIT_CASE(alone_part_stays),
	KUNIT_CASE(alone_part_is_finished),
	KUNIT_CASE(alone_release_has_device),
	KUNIT_CASE(alone_misc_device_stays),
	KUNIT_CASE(alone_misc_again),
	KUNIT_CASE(alone_parent_of_probed),
	KUNIT_CASE(alone_parent_is_locked),
	KUNIT_CASE(alone_node_of_child),
	KUNIT_CASE(alone_node_wrong),
	KUNIT_CASE_PARAM(alone_anon, nodes_ops_gen_params),
	KUNIT_CASE(alone_files_refused),
	KUNIT_CASE_SLOW(alone_entered_for_long),
	KUNIT_CASE(alone_file_of_another),
	KUNIT_CASE(alone_traced),
	KUNIT_CASE(alone_not_withdrawn),
	KUNIT_CASE(alone_step_action),
	{}
};

static struct kunit_suite alone_suite = {
	.name		= NAME,
	.init		= yard_init,
	.exit		= yard_exit,
	.test_cases	= alone_cases,
};

kunit_test_suite(alone_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm: what ends while a driver is bound, or without one");
MODULE_LICENSE("GPL");
