// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for a bridge and its chip: a video driver with an I2C subdev
 *
 * The bridge makes the I2C client of the chip, as PCI and USB drivers do, inherits
 * its controls, and publishes its node. So the chip is unbound when the v4l2_device
 * of the bridge is unregistered, after ->remove(). It may be unbound earlier by
 * itself.
 *
 * Parameters:
 *
 *	remove_ms	->remove() of the bridge sleeps so long
 *	notified	how often a call of the chip's node has called the bridge
 *	late		how often that was during ->remove() of the bridge, or later
 *	inherited	1 if the bridge had a control of the chip's in ->remove()
 */
#include <linux/cdevm.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

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

/*
 * The chip, which is of no scope. Its subdev is kept to the end, since the V4L2 core
 * writes to it when its node is released, be it after the unbind. Its controls go at
 * unbind.
 */
struct chip {
	struct v4l2_subdev sd;
	struct v4l2_ctrl_handler hdl;
	struct chip *next;
};

static struct chip *chips;	/* probe and exit only, one after the other */

/* A call of the subdev's node, with which it calls the driver of the v4l2_device. */
static int chip_log_status(struct v4l2_subdev *sd)
{
	v4l2_subdev_notify(sd, 1, NULL);
	return 0;
}

static const struct v4l2_subdev_core_ops chip_core_ops = {
	.log_status		= chip_log_status,
	.subscribe_event	= v4l2_ctrl_subdev_subscribe_event,
	.unsubscribe_event	= v4l2_event_subdev_unsubscribe,
};

static const struct v4l2_subdev_ops chip_ops = {
	.core = &chip_core_ops,
};

static int chip_probe(struct i2c_client *client)
{
	struct chip *chip = kzalloc(sizeof(*chip), GFP_KERNEL);

	if (!chip)
		return -ENOMEM;
	chip->next = chips;
	chips = chip;
	v4l2_i2c_subdev_init(&chip->sd, client, &chip_ops);
	strscpy(chip->sd.name, CHIP);
	chip->sd.flags |= V4L2_SUBDEV_FL_HAS_DEVNODE | V4L2_SUBDEV_FL_HAS_EVENTS;
	v4l2_ctrl_handler_init(&chip->hdl, 1);
	v4l2_ctrl_new_std(&chip->hdl, NULL, V4L2_CID_BRIGHTNESS, 0, 255, 1, 128);
	chip->sd.ctrl_handler = &chip->hdl;
	return chip->hdl.error;
}

static void chip_remove(struct i2c_client *client)
{
	struct v4l2_subdev *sd = i2c_get_clientdata(client);

	v4l2_device_unregister_subdev(sd);
	v4l2_ctrl_handler_free(sd->ctrl_handler);
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

static void chips_free(void)
{
	struct chip *chip;

	/* A node is two kobjects, each delayed by four seconds at most. */
	msleep(10000);
	while ((chip = chips)) {
		chips = chip->next;
		kfree(chip);
	}
}

/* The bridge */

struct bridge {
	struct cdevm_scope scope;
	struct mutex lock;		/* serialises ioctls */
	struct v4l2_device v4l2_dev;
	struct v4l2_ctrl_handler hdl;
	struct video_device vdev;
	bool removed;
};

static struct i2c_adapter bridge_adapter;

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

	if (!v4l2_i2c_new_subdev_board(&b->v4l2_dev, &bridge_adapter, &info, NULL))
		return -ENODEV;
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
	chips_free();
	i2c_del_adapter(&bridge_adapter);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Bridge with an I2C subdev");
MODULE_LICENSE("GPL");
