// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for cros_ec_chardev: an embedded controller that is a switch
 *
 * It answers the core's queries for the registration, reports a version, and
 * has one event, which is raised by writing a number to the parameter "event".
 * It goes when the driver board-cros-ec is unbound from the device of that
 * name.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_data/cros_ec_commands.h>
#include <linux/platform_data/cros_ec_proto.h>
#include <linux/platform_device.h>
#include <linux/version.h>

#include "cros_ec.h"

static struct platform_device *board_pdev;

/* Protects what follows; held while the event is on its way. */
static DEFINE_MUTEX(board_lock);
static struct cros_ec_device *board_ec;
static int board_event = -1;	/* what is pending, or -1 */

/* The length of the answer, or the negative of an EC_RES_* code. */
static int board_answer(struct cros_ec_command *msg)
{
	void *data = msg->data;

	switch (msg->command) {
	case EC_CMD_GET_PROTOCOL_INFO: {
		struct ec_response_get_protocol_info info = {
			.protocol_versions		= BIT(3),
			.max_request_packet_size	= 256,
			.max_response_packet_size	= 256,
		};

		memcpy(data, &info, sizeof(info));
		return sizeof(info);
	}
	case EC_CMD_GET_CMD_VERSIONS: {
		struct ec_params_get_cmd_versions ask;
		struct ec_response_get_cmd_versions versions = {
			.version_mask = EC_VER_MASK(0),
		};

		memcpy(&ask, data, sizeof(ask));
		if (ask.cmd != EC_CMD_GET_NEXT_EVENT)
			return -EC_RES_INVALID_PARAM;
		memcpy(data, &versions, sizeof(versions));
		return sizeof(versions);
	}
	case EC_CMD_GET_VERSION: {
		struct ec_response_get_version version = {
			.version_string_ro	= "board-ro",
			.version_string_rw	= "board-rw",
			.current_image		= EC_IMAGE_RO,
		};

		memcpy(data, &version, sizeof(version));
		return sizeof(version);
	}
	case EC_CMD_GET_FEATURES:
		memset(data, 0, sizeof(struct ec_response_get_features));
		return sizeof(struct ec_response_get_features);
	case EC_CMD_GET_NEXT_EVENT: {
		struct ec_response_get_next_event event = {
			.event_type = EC_MKBP_EVENT_SWITCH,
		};

		if (board_event < 0)
			return -EC_RES_UNAVAILABLE;
		event.data.switches = board_event;
		board_event = -1;
		memcpy(data, &event, sizeof(event));
		return sizeof(event);
	}
	default:
		return -EC_RES_INVALID_COMMAND;
	}
}

static int board_xfer(struct cros_ec_device *ec, struct cros_ec_command *msg)
{
	int len = board_answer(msg);

	msg->result = len < 0 ? -len : EC_RES_SUCCESS;
	return len < 0 ? 0 : len;
}

static int board_raise(const char *val, const struct kernel_param *kp)
{
	int ret, event;

	ret = kstrtoint(val, 0, &event);
	if (ret)
		return ret;
	guard(mutex)(&board_lock);
	if (!board_ec)
		return -ENODEV;
	board_event = event;
	cros_ec_irq_thread(0, board_ec);
	return 0;
}

static const struct kernel_param_ops board_event_ops = {
	.set = board_raise,
};
module_param_cb(event, &board_event_ops, NULL, 0200);
MODULE_PARM_DESC(event, "write a number: raise an event that carries it");

static int board_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct cros_ec_device *ec;
	int ret;

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	ec = devm_kzalloc(dev, sizeof(*ec), GFP_KERNEL);
	if (!ec)
		return -ENOMEM;
	ec->dev = dev;
	ec->din_size = 256;
	ec->dout_size = 256;
#else
	ec = cros_ec_device_alloc(dev);
	if (!ec)
		return -ENOMEM;
#endif
	ec->phys_name = dev_name(dev);
	ec->cmd_xfer = board_xfer;
	ec->pkt_xfer = board_xfer;
	platform_set_drvdata(pdev, ec);
	ret = cros_ec_register(ec);
	if (ret)
		return ret;
	guard(mutex)(&board_lock);
	board_ec = ec;
	return 0;
}

static void board_remove(struct platform_device *pdev)
{
	scoped_guard(mutex, &board_lock)
		board_ec = NULL;
	cros_ec_unregister(platform_get_drvdata(pdev));
}

static struct platform_driver board_driver = {
	.probe	= board_probe,
	.remove	= board_remove,
	.driver	= {
		.name = "board-cros-ec",
	},
};

static int __init board_init(void)
{
	int ret;

	ret = platform_driver_register(&board_driver);
	if (ret)
		return ret;
	board_pdev = platform_device_register_simple("board-cros-ec",
						     PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(board_pdev))
		platform_driver_unregister(&board_driver);
	return PTR_ERR_OR_ZERO(board_pdev);
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board_pdev);
	platform_driver_unregister(&board_driver);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Embedded controller for cros_ec_chardev");
MODULE_LICENSE("GPL");
