// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for posix-clock: a dynamic clock that counts
 *
 * As a PTP clock does, it lets sleepers in read() go before it unregisters, unless the
 * parameter "mute" is set. Writing to "gone" unregisters it, and to "wake" wakes who
 * sleeps.
 */
#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/posix-clock.h>
#include <linux/slab.h>
#include <linux/wait.h>

struct board_clock {
	struct posix_clock	clock;
	struct device		dev;
	wait_queue_head_t	wait;
	bool			defunct;
	/* Poisoned when the memory goes. */
	int			value;
};

static struct board_clock *board;
static dev_t board_devt;
static atomic_t board_clocks;
static bool mute;
module_param(mute, bool, 0644);
MODULE_PARM_DESC(mute, "leave sleepers alone when the clock goes");

static int board_gettime(struct posix_clock *pc, struct timespec64 *ts)
{
	struct board_clock *c = container_of(pc, struct board_clock, clock);

	ts->tv_sec = ++c->value;
	ts->tv_nsec = 0;
	return 0;
}

static ssize_t board_read(struct posix_clock_context *ctx, uint flags,
			  char __user *buf, size_t len)
{
	struct board_clock *c = container_of(ctx->clk, struct board_clock, clock);

	if (wait_event_interruptible(c->wait, READ_ONCE(c->defunct)))
		return -ERESTARTSYS;
	return -ENODEV;
}

static __poll_t board_poll(struct posix_clock_context *ctx, struct file *file,
			   poll_table *pt)
{
	struct board_clock *c = container_of(ctx->clk, struct board_clock, clock);

	poll_wait(file, &c->wait, pt);
	return 0;
}

/* Not in the module: DEBUG_KOBJECT_RELEASE looks at it later. */
static struct class *board_class;

static void board_release(struct device *dev)
{
	struct board_clock *c = container_of(dev, struct board_clock, dev);

#ifdef CONFIG_RESMGR_GATE
	posix_clock_destroy(&c->clock);
#endif
	kfree(c);
	atomic_dec(&board_clocks);
}

static void board_wake(struct board_clock *c)
{
	WRITE_ONCE(c->defunct, true);
	wake_up_interruptible(&c->wait);
}

static int board_set_gone(const char *val, const struct kernel_param *kp)
{
	struct board_clock *c = board;

	if (!c)
		return -ENODEV;
	board = NULL;
	/* Until it has been unregistered, whoever wakes is after it. */
	get_device(&c->dev);
	if (!mute)
		board_wake(c);
	posix_clock_unregister(&c->clock);
	put_device(&c->dev);
	return 0;
}

static const struct kernel_param_ops board_gone_ops = { .set = board_set_gone };
module_param_cb(gone, &board_gone_ops, NULL, 0200);
MODULE_PARM_DESC(gone, "write anything: unregister the clock");

static int __init board_init(void)
{
	struct board_clock *c;
	int ret;

	ret = alloc_chrdev_region(&board_devt, 0, 1, "board-clock");
	if (ret)
		return ret;
	board_class = class_create("board-clock");
	if (IS_ERR(board_class)) {
		ret = PTR_ERR(board_class);
		goto err_region;
	}
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c) {
		ret = -ENOMEM;
		goto err_class;
	}
	atomic_inc(&board_clocks);
	init_waitqueue_head(&c->wait);
	c->clock.ops = (struct posix_clock_operations){
		.owner		= THIS_MODULE,
		.clock_gettime	= board_gettime,
		.read		= board_read,
		.poll		= board_poll,
	};
	device_initialize(&c->dev);
	c->dev.class = board_class;
	c->dev.devt = board_devt;
	c->dev.release = board_release;
	ret = dev_set_name(&c->dev, "board-clock");
	if (!ret)
		ret = posix_clock_register(&c->clock, &c->dev);
	if (ret) {
		put_device(&c->dev);
		goto err_class;
	}
	board = c;
	return 0;

err_class:
	class_destroy(board_class);
err_region:
	unregister_chrdev_region(board_devt, 1);
	return ret;
}
module_init(board_init);

static void __exit board_exit(void)
{
	board_set_gone(NULL, NULL);
	/* DEBUG_KOBJECT_RELEASE delays it. */
	while (atomic_read(&board_clocks))
		schedule_timeout_uninterruptible(HZ / 10);
	class_destroy(board_class);
	unregister_chrdev_region(board_devt, 1);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Dynamic posix clock");
MODULE_LICENSE("GPL");
