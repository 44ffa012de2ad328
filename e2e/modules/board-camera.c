// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for v4l2-async: a receiver and a sensor, two devices and two drivers
 *
 * The receiver publishes its video node and its media node, and the sensor's
 * subdev node, when the sensor is there; they may be bound in either order. What
 * its file operations reach is in its connection to the sensor, ->release() among
 * them.
 *
 * Parameters:
 *
 *	complete_ms	->complete() sleeps so long, before it publishes
 *	completing	1 while it does
 *	completed	how often it has come to its end
 *	stopped		how often the sensor was there when streaming would stop
 *	fail		how many calls of ->complete() are to find no memory for the node of
 *			the sensor. That of the receiver's own subdev is there by then
 */
#include <linux/cdevm.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <media/media-cdevm.h>
#include <media/media-device.h>
#include <media/media-entity.h>
#include <media/v4l2-async-cdevm.h>
#include <media/v4l2-async.h>
#include <media/v4l2-cdevm.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#include <media/v4l2-mc.h>
#include <media/v4l2-subdev.h>

#define RECEIVER "board-receiver"
#define SENSOR "board-sensor"
#define ISP "board-isp"

static unsigned int complete_ms;
module_param(complete_ms, uint, 0644);
MODULE_PARM_DESC(complete_ms, "how long ->complete() sleeps");

static int completing;
module_param(completing, int, 0444);
MODULE_PARM_DESC(completing, "->complete() sleeps");

static unsigned int completed;
module_param(completed, uint, 0444);
MODULE_PARM_DESC(completed, "how often ->complete() has ended");

static unsigned int stopped;
module_param(stopped, uint, 0444);
MODULE_PARM_DESC(stopped, "how often streaming would have stopped with the sensor there");

static unsigned int fail;
module_param(fail, uint, 0644);
MODULE_PARM_DESC(fail, "how many calls of ->complete() are to fail");

static const struct software_node sensor_node = {
	.name = SENSOR,
};

static const struct software_node receiver_node = {
	.name = RECEIVER,
};

static const struct software_node *board_nodes[] = {
	&sensor_node,
	&receiver_node,
	NULL,
};

/*
 * The sensor, which is of no scope. The V4L2 core writes to a subdev when its node is
 * released, which DEBUG_KOBJECT_RELEASE may do long after the driver was unbound. So
 * all of them are kept to the end.
 */
struct sensor {
	struct v4l2_subdev sd;
	struct media_pad pad;
	struct list_head link;
};

static LIST_HEAD(sensors);	/* probe and exit only, one after the other */

static void sensors_free(void)
{
	struct sensor *sensor, *next;

	/* A node is two kobjects, each delayed by four seconds at most. */
	msleep(10000);
	list_for_each_entry_safe(sensor, next, &sensors, link)
		kfree(sensor);
}

static int sensor_input_status(struct v4l2_subdev *sd, u32 *status)
{
	*status = 0;
	return 0;
}

static const struct v4l2_subdev_video_ops sensor_video_ops = {
	.g_input_status = sensor_input_status,
};

static const struct v4l2_subdev_ops sensor_ops = {
	.video = &sensor_video_ops,
};

static int sensor_probe(struct platform_device *pdev)
{
	struct sensor *sensor;
	int ret;

	sensor = kzalloc(sizeof(*sensor), GFP_KERNEL);
	if (!sensor)
		return -ENOMEM;
	list_add(&sensor->link, &sensors);
	platform_set_drvdata(pdev, sensor);
	v4l2_subdev_init(&sensor->sd, &sensor_ops);
	sensor->sd.dev = &pdev->dev;
	sensor->sd.flags = V4L2_SUBDEV_FL_HAS_DEVNODE;
	sensor->sd.entity.function = MEDIA_ENT_F_CAM_SENSOR;
	strscpy(sensor->sd.name, SENSOR);
	sensor->pad.flags = MEDIA_PAD_FL_SOURCE;
	ret = media_entity_pads_init(&sensor->sd.entity, 1, &sensor->pad);
	return ret ?: v4l2_async_register_subdev(&sensor->sd);
}

static void sensor_remove(struct platform_device *pdev)
{
	struct sensor *sensor = platform_get_drvdata(pdev);

	v4l2_async_unregister_subdev(&sensor->sd);
	media_entity_cleanup(&sensor->sd.entity);
}

static struct platform_driver sensor_driver = {
	.probe	= sensor_probe,
	.remove	= sensor_remove,
	.driver	= {
		.name = SENSOR,
	},
};

/* The receiver */

struct receiver_connection {
	struct v4l2_async_connection asc;
	struct v4l2_subdev *sensor;
	unsigned int files;
};

struct receiver {
	struct cdevm_scope scope;
	struct mutex lock;		/* protects what is in the connection */
	struct media_device mdev;
	struct v4l2_device v4l2_dev;
	struct v4l2_subdev isp;
	struct video_device vdev;
	struct media_pad pad;
	struct v4l2_async_notifier notifier;
	struct receiver_connection *conn;
	bool removed;
};

static void receiver_file(struct receiver *r, int change)
{
	mutex_lock(&r->lock);
	r->conn->files += change;
	mutex_unlock(&r->lock);
}

static int receiver_open(struct file *file)
{
	struct receiver *r = video_drvdata(file);
	int ret = v4l2_pipeline_pm_get(&r->vdev.entity);

	if (ret)
		return ret;
	ret = v4l2_fh_open(file);
	if (ret)
		v4l2_pipeline_pm_put(&r->vdev.entity);
	else
		receiver_file(r, 1);
	return ret;
}

static int receiver_release(struct file *file)
{
	struct receiver *r = video_drvdata(file);

	receiver_file(r, -1);
	/* After the unbind as well, when the entity is in no graph. */
	v4l2_pipeline_pm_put(&r->vdev.entity);
	return v4l2_fh_release(file);
}

static const struct v4l2_file_operations receiver_fops = {
	.owner		= THIS_MODULE,
	.open		= receiver_open,
	.release	= receiver_release,
	.unlocked_ioctl	= video_ioctl2,
};

static int receiver_querycap(struct file *file, void *fh,
			     struct v4l2_capability *cap)
{
	strscpy(cap->driver, RECEIVER);
	strscpy(cap->card, RECEIVER);
	return 0;
}

static int receiver_enum_input(struct file *file, void *fh,
			       struct v4l2_input *inp)
{
	struct receiver *r = video_drvdata(file);

	if (inp->index)
		return -EINVAL;
	inp->type = V4L2_INPUT_TYPE_CAMERA;
	strscpy(inp->name, SENSOR);
	if (!r->conn->sensor) {
		inp->status = V4L2_IN_ST_NO_POWER;
		return 0;
	}
	return v4l2_subdev_call(r->conn->sensor, video, g_input_status,
				&inp->status);
}

static const struct v4l2_ioctl_ops receiver_ioctl_ops = {
	.vidioc_querycap	= receiver_querycap,
	.vidioc_enum_input	= receiver_enum_input,
};

static struct receiver *to_receiver(struct v4l2_async_notifier *notifier)
{
	return container_of(notifier, struct receiver, notifier);
}

/* None of the callbacks may come that late. */
static void receiver_not_removed(struct receiver *r)
{
	WARN(r->removed, "board-camera: a callback after ->remove()\n");
}

static void receiver_set_sensor(struct receiver *r, struct v4l2_subdev *sd)
{
	receiver_not_removed(r);
	mutex_lock(&r->lock);
	r->conn->sensor = sd;
	mutex_unlock(&r->lock);
}

static int receiver_bound(struct v4l2_async_notifier *notifier,
			  struct v4l2_subdev *sd,
			  struct v4l2_async_connection *asc)
{
	receiver_set_sensor(to_receiver(notifier), sd);
	return 0;
}

static void receiver_unbind(struct v4l2_async_notifier *notifier,
			    struct v4l2_subdev *sd,
			    struct v4l2_async_connection *asc)
{
	receiver_set_sensor(to_receiver(notifier), NULL);
}

static int receiver_publish_subdevs(struct receiver *r)
{
#ifdef CONFIG_FAILSLAB
	if (fail) {
		int ret;

		fail--;
		/* First all but the sensor's. For that there is no memory then. */
		r->conn->sensor->flags &= ~V4L2_SUBDEV_FL_HAS_DEVNODE;
		ret = v4l2_device_register_subdev_nodes(&r->v4l2_dev);
		r->conn->sensor->flags |= V4L2_SUBDEV_FL_HAS_DEVNODE;
		if (ret)
			return ret;
		current->fail_nth = 1;
		ret = v4l2_device_register_subdev_nodes(&r->v4l2_dev);
		current->fail_nth = 0;
		return ret;
	}
#endif
	return v4l2_device_register_subdev_nodes(&r->v4l2_dev);
}

static int receiver_publish(struct receiver *r)
{
	int ret;

	ret = receiver_publish_subdevs(r);
	if (ret)
		return ret;
	ret = cdevm_video_register_device(&r->scope, &r->vdev, VFL_TYPE_VIDEO, -1);
	if (ret && ret != -EEXIST)
		return ret;
	ret = cdevm_media_device_register(&r->scope, &r->mdev);
	return ret == -EEXIST ? 0 : ret;
}

static int receiver_complete(struct v4l2_async_notifier *notifier)
{
	struct receiver *r = to_receiver(notifier);
	int ret;

	WRITE_ONCE(completing, 1);
	msleep(complete_ms);
	WRITE_ONCE(completing, 0);
	/*
	 * As when a node is released, which DEBUG_KOBJECT_RELEASE does elsewhere: for
	 * lockdep. This is under the mutex of v4l2-async.
	 */
	cdevm_get(&r->scope);
	cdevm_put(&r->scope);
	ret = receiver_publish(r);
	receiver_not_removed(r);
	WRITE_ONCE(completed, completed + 1);
	return ret;
}

static const struct v4l2_async_notifier_operations receiver_notifier_ops = {
	.bound		= receiver_bound,
	.complete	= receiver_complete,
	.unbind		= receiver_unbind,
};

/* Where a driver that has a queue stops streaming. */
static void receiver_stop(void *data)
{
	struct receiver *r = data;

	mutex_lock(&r->lock);
	if (r->conn && r->conn->sensor)
		stopped++;
	mutex_unlock(&r->lock);
}

static const struct v4l2_subdev_ops isp_ops = {
};

/* A subdev of the receiver's own. */
static int receiver_add_isp(struct receiver *r, struct device *dev)
{
	v4l2_subdev_init(&r->isp, &isp_ops);
	r->isp.owner = THIS_MODULE;
	r->isp.dev = dev;
	r->isp.flags = V4L2_SUBDEV_FL_HAS_DEVNODE;
	r->isp.entity.function = MEDIA_ENT_F_PROC_VIDEO_ISP;
	strscpy(r->isp.name, ISP);
	return v4l2_device_register_subdev(&r->v4l2_dev, &r->isp);
}

static int receiver_init(struct receiver *r, struct device *dev)
{
	struct video_device *vdev = &r->vdev;
	int ret;

	ret = cdevm_mutex_init(&r->scope, &r->lock);
	if (ret)
		return ret;
	r->mdev.dev = dev;
	strscpy(r->mdev.model, RECEIVER);
	ret = cdevm_media_device_init(&r->scope, &r->mdev);
	if (ret)
		return ret;
	r->v4l2_dev.mdev = &r->mdev;
	ret = cdevm_v4l2_device_register(&r->scope, dev, &r->v4l2_dev);
	if (ret)
		return ret;
	ret = receiver_add_isp(r, dev);
	if (ret)
		return ret;
	r->notifier.ops = &receiver_notifier_ops;
	ret = cdevm_v4l2_async_nf_init(&r->scope, &r->notifier, &r->v4l2_dev);
	if (ret)
		return ret;
	ret = cdevm_add_stop_action(&r->scope, receiver_stop, r);
	if (ret)
		return ret;

	r->pad.flags = MEDIA_PAD_FL_SINK;
	ret = media_entity_pads_init(&vdev->entity, 1, &r->pad);
	if (ret)
		return ret;
	strscpy(vdev->name, RECEIVER);
	vdev->fops = &receiver_fops;
	vdev->ioctl_ops = &receiver_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE;
	vdev->v4l2_dev = &r->v4l2_dev;
	vdev->lock = &r->lock;
	video_set_drvdata(vdev, r);
	return 0;
}

static int receiver_probe(struct platform_device *pdev)
{
	struct receiver_connection *conn;
	struct receiver *r;
	int ret;

	r = devm_cdevm_alloc(&pdev->dev, struct receiver, scope);
	if (IS_ERR(r))
		return PTR_ERR(r);
	platform_set_drvdata(pdev, r);
	ret = receiver_init(r, &pdev->dev);
	if (ret)
		return ret;
	conn = v4l2_async_nf_add_fwnode(&r->notifier,
					software_node_fwnode(&sensor_node),
					struct receiver_connection);
	if (IS_ERR(conn))
		return PTR_ERR(conn);
	r->conn = conn;
	return v4l2_async_nf_register(&r->notifier);
}

static void receiver_remove(struct platform_device *pdev)
{
	struct receiver *r = platform_get_drvdata(pdev);

	r->removed = true;
	WARN_ON(r->conn->sensor);
}

static struct platform_driver receiver_driver = {
	.probe	= receiver_probe,
	.remove	= receiver_remove,
	.driver	= {
		.name = RECEIVER,
	},
};

/* The board */

static struct platform_device *board_sensor, *board_receiver;

static struct platform_device *board_add(const char *name,
					 const struct software_node *node)
{
	struct platform_device_info info = {
		.name	= name,
		.id	= PLATFORM_DEVID_NONE,
		.fwnode	= software_node_fwnode(node),
	};

	return platform_device_register_full(&info);
}

static int __init board_init(void)
{
	int ret;

	ret = software_node_register_node_group(board_nodes);
	if (ret)
		return ret;
	ret = platform_driver_register(&sensor_driver);
	if (ret)
		goto err_nodes;
	ret = platform_driver_register(&receiver_driver);
	if (ret)
		goto err_sensor_driver;
	board_sensor = board_add(SENSOR, &sensor_node);
	if (IS_ERR(board_sensor)) {
		ret = PTR_ERR(board_sensor);
		goto err_receiver_driver;
	}
	board_receiver = board_add(RECEIVER, &receiver_node);
	if (IS_ERR(board_receiver)) {
		ret = PTR_ERR(board_receiver);
		goto err_sensor;
	}
	return 0;

err_sensor:
	platform_device_unregister(board_sensor);
err_receiver_driver:
	platform_driver_unregister(&receiver_driver);
err_sensor_driver:
	platform_driver_unregister(&sensor_driver);
err_nodes:
	software_node_unregister_node_group(board_nodes);
	return ret;
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board_receiver);
	platform_device_unregister(board_sensor);
	platform_driver_unregister(&receiver_driver);
	platform_driver_unregister(&sensor_driver);
	sensors_free();
	software_node_unregister_node_group(board_nodes);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Receiver and sensor that find each other by v4l2-async");
MODULE_LICENSE("GPL");
