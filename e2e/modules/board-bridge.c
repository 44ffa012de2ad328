// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for a bridge and its chip: a video driver with an I2C subdev
 *
 * The bridge makes the I2C client of the chip, as PCI and USB drivers do, inherits
 * its controls, and publishes its node. So the chip is unbound when the v4l2_device
 * of the bridge is unregistered, after ->remove(). It may be unbound earlier by
 * itself.
 *
 * The state of the chip is in a scope of its own, with the subdev, its controls and
 * its active state. Or it is in devm memory, as that of most I2C sensors is.
 *
 * Parameters:
 *
 *	remove_ms	->remove() of the bridge sleeps so long
 *	notified	how often a call of the chip's node has called the bridge
 *	late		how often that was during ->remove() of the bridge, or later
 *	inherited	1 if the bridge had a control of the chip's in ->remove()
 *	devm		the chip that is bound next has its state in devm memory
 *	call_ms		a call of the chip's node sleeps so long; a close, until it is 0
 *	calling		how many do
 *	chip_late	how many did when the chip was removed
 *	wrong		the bridge's probe asks for what is refused: 1 a v4l2_device of
 *			another device than its scope, 2 a media device of no scope
 */
#include <linux/atomic.h>
#include <linux/cdevm.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <media/media-cdevm.h>
#include <media/v4l2-cdevm.h>
#include <media/v4l2-common.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#include <media/v4l2-subdev.h>

#define BRIDGE "board-bridge"
#define CHIP "board-chip"
#define CHIP_ADDR 0x20

static unsigned int remove_ms;
module_param(remove_ms, uint, 0644);
MODULE_PARM_DESC(remove_ms, "how long ->remove() sleeps");

static unsigned int notified;
module_param(notified, uint, 0444);
MODULE_PARM_DESC(notified, "how often the chip's node has called the bridge");

static unsigned int late;
module_param(late, uint, 0444);
MODULE_PARM_DESC(late, "how often that was during ->remove() or later");

static int inherited = -1;
module_param(inherited, int, 0444);
MODULE_PARM_DESC(inherited, "the bridge had a control of the chip's in ->remove()");

static bool use_devm;
module_param_named(devm, use_devm, bool, 0644);
MODULE_PARM_DESC(devm, "the chip that is bound next has its state in devm memory");

static unsigned int call_ms;
module_param(call_ms, uint, 0644);
MODULE_PARM_DESC(call_ms, "how long a call of the chip's node sleeps");

static unsigned int wrong;
module_param(wrong, uint, 0644);
MODULE_PARM_DESC(wrong, "what the bridge's probe asks for");

static atomic_t calling;
static int chip_late;
module_param(chip_late, int, 0444);
MODULE_PARM_DESC(chip_late, "how many calls were inside when the chip was removed");

static int calling_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&calling));
}

static const struct kernel_param_ops calling_ops = { .get = calling_get };
module_param_cb(calling, &calling_ops, NULL, 0444);
MODULE_PARM_DESC(calling, "how many calls of the chip's node sleep");

/* The chip */
struct chip {
	struct cdevm_scope scope;
	struct v4l2_subdev sd;
	struct media_pad pad;
	struct v4l2_ctrl_handler hdl;
	bool devm;
};

/*
 * A call of the subdev's node, with which it calls the driver of the v4l2_device. It
 * uses the chip after it has slept.
 */
static int chip_log_status(struct v4l2_subdev *sd)
{
	struct chip *chip = container_of(sd, struct chip, sd);

	atomic_inc(&calling);
	msleep(call_ms);
	v4l2_ctrl_s_ctrl(v4l2_ctrl_find(&chip->hdl, V4L2_CID_BRIGHTNESS), 1);
	v4l2_subdev_notify(sd, 1, NULL);
	atomic_dec(&calling);
	return 0;
}

static int chip_init_state(struct v4l2_subdev *sd, struct v4l2_subdev_state *state)
{
	v4l2_subdev_state_get_format(state, 0)->width = 64;
	return 0;
}

/* As drivers of sensors do it that look at what a file has set up. */
static int chip_close(struct v4l2_subdev *sd, struct v4l2_subdev_fh *fh)
{
	struct chip *chip = container_of(sd, struct chip, sd);

	if (call_ms) {
		atomic_inc(&calling);
		while (READ_ONCE(call_ms))
			msleep(20);
		atomic_dec(&calling);
	}
	WARN_ON(!chip->sd.active_state && !chip->devm);
	return 0;
}

static const struct v4l2_subdev_internal_ops chip_internal_ops = {
	.init_state	= chip_init_state,
	.close		= chip_close,
};

static const struct v4l2_subdev_pad_ops chip_pad_ops = {
	.get_fmt	= v4l2_subdev_get_fmt,
};

static const struct v4l2_subdev_core_ops chip_core_ops = {
	.log_status		= chip_log_status,
	.subscribe_event	= v4l2_ctrl_subdev_subscribe_event,
	.unsubscribe_event	= v4l2_event_subdev_unsubscribe,
};

static const struct v4l2_subdev_ops chip_ops = {
	.core	= &chip_core_ops,
	.pad	= &chip_pad_ops,
};

static int chip_init(struct chip *chip)
{
	struct v4l2_subdev *sd = &chip->sd;

	strscpy(sd->name, CHIP);
	sd->flags |= V4L2_SUBDEV_FL_HAS_DEVNODE | V4L2_SUBDEV_FL_HAS_EVENTS;
	sd->internal_ops = &chip_internal_ops;
	sd->ctrl_handler = &chip->hdl;
	chip->pad.flags = MEDIA_PAD_FL_SOURCE;
	return media_entity_pads_init(&sd->entity, 1, &chip->pad);
}

/* As most do it. */
static int chip_probe_devm(struct i2c_client *client)
{
	struct chip *chip = devm_kzalloc(&client->dev, sizeof(*chip), GFP_KERNEL);
	int ret;

	if (!chip)
		return -ENOMEM;
	chip->devm = true;
	v4l2_i2c_subdev_init(&chip->sd, client, &chip_ops);
	v4l2_ctrl_handler_init(&chip->hdl, 1);
	v4l2_ctrl_new_std(&chip->hdl, NULL, V4L2_CID_BRIGHTNESS, 0, 255, 1, 128);
	ret = chip->hdl.error ?: chip_init(chip);
	return ret ?: v4l2_subdev_init_finalize(&chip->sd);
}

static int chip_probe(struct i2c_client *client)
{
	struct chip *chip;
	int ret;

	if (use_devm)
		return chip_probe_devm(client);
	chip = devm_cdevm_alloc(&client->dev, struct chip, scope);
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	cdevm_v4l2_i2c_subdev_init(&chip->scope, &chip->sd, client, &chip_ops);
	ret = cdevm_v4l2_ctrl_handler_init(&chip->scope, &chip->hdl, 1);
	if (ret)
		return ret;
	v4l2_ctrl_new_std(&chip->hdl, NULL, V4L2_CID_BRIGHTNESS, 0, 255, 1, 128);
	ret = chip->hdl.error ?: chip_init(chip);
	return ret ?: cdevm_v4l2_subdev_init_finalize(&chip->scope, &chip->sd);
}

static void chip_remove(struct i2c_client *client)
{
	struct v4l2_subdev *sd = i2c_get_clientdata(client);
	struct chip *chip = container_of(sd, struct chip, sd);

	chip_late += atomic_read(&calling);
	v4l2_device_unregister_subdev(sd);
	if (chip->devm) {
		v4l2_subdev_cleanup(sd);
		v4l2_ctrl_handler_free(&chip->hdl);
	}
}

static const struct i2c_device_id chip_ids[] = {
	{ CHIP },
	{}
};

static struct i2c_driver chip_driver = {
	.probe		= chip_probe,
	.remove		= chip_remove,
	.id_table	= chip_ids,
	.driver		= {
		.name = CHIP,
	},
};

/* The bridge */

struct bridge {
	struct cdevm_scope scope;
	struct mutex lock;		/* serialises ioctls */
	struct v4l2_device v4l2_dev;
	struct v4l2_ctrl_handler hdl;
	struct video_device vdev;
	struct i2c_client *client;
	bool removed;
};

static struct i2c_adapter bridge_adapter;

/* Stands for one that several drivers share, and that none of them owns. */
static struct media_device shared = { .model = "shared" };

static const struct v4l2_file_operations bridge_fops = {
	.owner		= THIS_MODULE,
	.open		= v4l2_fh_open,
	.release	= v4l2_fh_release,
	.poll		= v4l2_ctrl_poll,
	.unlocked_ioctl	= video_ioctl2,
};

static int bridge_querycap(struct file *file, void *fh, struct v4l2_capability *cap)
{
	strscpy(cap->driver, BRIDGE);
	strscpy(cap->card, BRIDGE);
	return 0;
}

static const struct v4l2_ioctl_ops bridge_ioctl_ops = {
	.vidioc_querycap	= bridge_querycap,
	.vidioc_subscribe_event	= v4l2_ctrl_subscribe_event,
	.vidioc_unsubscribe_event = v4l2_event_unsubscribe,
};

/* By the chip. */
static void bridge_notify(struct v4l2_subdev *sd, unsigned int what, void *arg)
{
	struct bridge *b = container_of(sd->v4l2_dev, struct bridge, v4l2_dev);

	notified++;
	if (READ_ONCE(b->removed))
		late++;
}

static int bridge_add_chip(struct bridge *b)
{
	struct i2c_board_info info = {
		I2C_BOARD_INFO(CHIP, CHIP_ADDR),
	};

	struct v4l2_subdev *sd;

	sd = v4l2_i2c_new_subdev_board(&b->v4l2_dev, &bridge_adapter, &info, NULL);
	if (!sd)
		return -ENODEV;
	b->client = v4l2_get_subdevdata(sd);
	return v4l2_device_register_subdev_nodes(&b->v4l2_dev);
}

static int bridge_probe(struct platform_device *pdev)
{
	struct video_device *vdev;
	struct bridge *b;
	int ret;

	b = devm_cdevm_alloc(&pdev->dev, struct bridge, scope);
	if (IS_ERR(b))
		return PTR_ERR(b);
	if (wrong == 1)
		return cdevm_v4l2_device_register(&b->scope, &bridge_adapter.dev,
						  &b->v4l2_dev);
	if (wrong == 2)
		return cdevm_media_device_register(&b->scope, &shared);
	platform_set_drvdata(pdev, b);
	ret = cdevm_mutex_init(&b->scope, &b->lock);
	if (ret)
		return ret;
	ret = cdevm_v4l2_device_register(&b->scope, &pdev->dev, &b->v4l2_dev);
	if (ret)
		return ret;
	ret = cdevm_v4l2_ctrl_handler_init(&b->scope, &b->hdl, 1);
	if (ret)
		return ret;
	/* In one bucket with that of the chip. */
	v4l2_ctrl_new_std(&b->hdl, NULL, V4L2_CID_CONTRAST, 0, 255, 1, 128);
	if (b->hdl.error)
		return b->hdl.error;
	b->v4l2_dev.ctrl_handler = &b->hdl;
	b->v4l2_dev.notify = bridge_notify;
	ret = bridge_add_chip(b);
	if (ret)
		return ret;

	vdev = &b->vdev;
	strscpy(vdev->name, BRIDGE);
	vdev->fops = &bridge_fops;
	vdev->ioctl_ops = &bridge_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE;
	vdev->v4l2_dev = &b->v4l2_dev;
	/* Of another device than the v4l2_device, and it goes with that one. */
	vdev->dev_parent = &bridge_adapter.dev;
	vdev->lock = &b->lock;
	video_set_drvdata(vdev, b);
	return cdevm_video_register_device(&b->scope, vdev, VFL_TYPE_VIDEO, -1);
}

static void bridge_remove(struct platform_device *pdev)
{
	struct bridge *b = platform_get_drvdata(pdev);

	WRITE_ONCE(b->removed, true);
	msleep(remove_ms);
	inherited = !!v4l2_ctrl_find(&b->hdl, V4L2_CID_BRIGHTNESS);
	WARN_ON(!v4l2_ctrl_find(&b->hdl, V4L2_CID_CONTRAST));
	/* The V4L2 core does it only for one that is bound. */
	if (!b->client->dev.driver)
		i2c_unregister_device(b->client);
}

static struct platform_driver bridge_driver = {
	.probe	= bridge_probe,
	.remove	= bridge_remove,
	.driver	= {
		.name = BRIDGE,
	},
};

/* The board */

static int bridge_xfer(struct i2c_adapter *adapter, struct i2c_msg *msgs, int n)
{
	return -ENXIO;
}

static u32 bridge_functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C;
}

static const struct i2c_algorithm bridge_algorithm = {
	.xfer		= bridge_xfer,
	.functionality	= bridge_functionality,
};

static struct i2c_adapter bridge_adapter = {
	.owner	= THIS_MODULE,
	.name	= BRIDGE,
	.algo	= &bridge_algorithm,
};

static struct platform_device *board;

static int __init board_init(void)
{
	int ret;

	ret = i2c_add_adapter(&bridge_adapter);
	if (ret)
		return ret;
	ret = i2c_add_driver(&chip_driver);
	if (ret)
		goto err_adapter;
	ret = platform_driver_register(&bridge_driver);
	if (ret)
		goto err_chip_driver;
	board = platform_device_register_simple(BRIDGE, PLATFORM_DEVID_NONE, NULL, 0);
	if (!IS_ERR(board))
		return 0;

	ret = PTR_ERR(board);
	platform_driver_unregister(&bridge_driver);
err_chip_driver:
	i2c_del_driver(&chip_driver);
err_adapter:
	i2c_del_adapter(&bridge_adapter);
	return ret;
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board);
	platform_driver_unregister(&bridge_driver);
	i2c_del_driver(&chip_driver);
	i2c_del_adapter(&bridge_adapter);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Bridge with an I2C subdev");
MODULE_LICENSE("GPL");
