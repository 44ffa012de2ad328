// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for regulators: two of them, and a consumer that does what it is told
 *
 * A buck, and an LDO that it supplies, each with a driver of its own.
 * Everything that the drivers have is devm memory, descriptions included, as in
 * fixed.c and gpio-regulator.c. The state of the hardware is outside of it, for
 * the test to inspect.
 *
 * The consumer is a device without a driver. A command written to the file
 * board-regulator in debugfs is carried out, and reading gives what came of it:
 *
 *	get NAME, own NAME, put, enable, disable, deferred, set MICROVOLTS, voltage,
 *	enabled, load, mode, list, step, flags, supported, watch, unwatch
 *
 * "hw" gives for each regulator whether it is on, its selector and how many calls the
 * driver has had; "events" how many the consumer has been told of.
 *
 * board-regulator2 and board-regulator3 are more consumers of this kind. After "hold" a
 * call that sets a voltage or a mode stays in the driver: "go" lets one leave, "held"
 * tells how many are inside, and "free" ends it. A driver that is bound after "alone"
 * is a consumer of its own regulator, until "shared". Nothing can be turned on after
 * "broken", and has to be if it is bound then, until "whole". "event" is one of the buck.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include <linux/regulator/consumer.h>
#include <linux/regulator/driver.h>
#include <linux/regulator/machine.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define BOARD_BUCK	"board-buck"
#define BOARD_LDO	"board-ldo"
#define BOARD_CONSUMER	"board-consumer"

/* What stays when the driver goes. */
static struct board_hw {
	bool		on;
	unsigned int	sel;
	unsigned int	calls;
} board_hw[2];

/* What a driver has. */
struct board_reg {
	struct regulator_desc	desc;
	struct board_hw		*hw;
};

static struct board_hw *board_to_hw(struct regulator_dev *rdev)
{
	struct board_reg *reg = rdev_get_drvdata(rdev);

	reg->hw->calls++;
	return reg->hw;
}

static bool board_broken;

static int board_enable(struct regulator_dev *rdev)
{
	if (board_broken)
		return -EIO;
	board_to_hw(rdev)->on = true;
	return 0;
}

static int board_disable(struct regulator_dev *rdev)
{
	board_to_hw(rdev)->on = false;
	return 0;
}

static int board_is_enabled(struct regulator_dev *rdev)
{
	return board_to_hw(rdev)->on;
}

static bool board_hold;
static atomic_t board_held;
static DECLARE_COMPLETION(board_go);

static void board_stay(void)
{
	if (!READ_ONCE(board_hold))
		return;
	atomic_inc(&board_held);
	wait_for_completion(&board_go);
	atomic_dec(&board_held);
}

static int board_set_sel(struct regulator_dev *rdev, unsigned int sel)
{
	board_stay();
	board_to_hw(rdev)->sel = sel;
	return 0;
}

static int board_get_sel(struct regulator_dev *rdev)
{
	return board_to_hw(rdev)->sel;
}

static int board_set_mode(struct regulator_dev *rdev, unsigned int mode)
{
	board_stay();
	board_to_hw(rdev);
	return 0;
}

static unsigned int board_get_mode(struct regulator_dev *rdev)
{
	board_to_hw(rdev);
	return REGULATOR_MODE_NORMAL;
}

static int board_set_load(struct regulator_dev *rdev, int load)
{
	board_to_hw(rdev);
	return 0;
}

static int board_error_flags(struct regulator_dev *rdev, unsigned int *flags)
{
	board_to_hw(rdev);
	*flags = 0;
	return 0;
}

static const struct regulator_ops board_ops = {
	.enable			= board_enable,
	.disable		= board_disable,
	.is_enabled		= board_is_enabled,
	.list_voltage		= regulator_list_voltage_linear,
	.set_voltage_sel	= board_set_sel,
	.get_voltage_sel	= board_get_sel,
	.set_mode		= board_set_mode,
	.get_mode		= board_get_mode,
	.set_load		= board_set_load,
	.get_error_flags	= board_error_flags,
};

static struct regulator_consumer_supply board_supplies[2] = {
	REGULATOR_SUPPLY("buck", BOARD_CONSUMER),
	REGULATOR_SUPPLY("ldo", BOARD_CONSUMER),
};

static const struct regulator_init_data board_init_data = {
	.constraints = {
		.min_uV			= 1000000,
		.max_uV			= 2000000,
		.valid_modes_mask	= REGULATOR_MODE_NORMAL | REGULATOR_MODE_FAST,
		.valid_ops_mask		= REGULATOR_CHANGE_VOLTAGE | REGULATOR_CHANGE_STATUS |
					  REGULATOR_CHANGE_MODE | REGULATOR_CHANGE_DRMS,
	},
	.num_consumer_supplies = 1,
};

static struct regulator_dev *board_buck;
static bool board_alone;

static void board_off(void *reg)
{
	regulator_disable(reg);
}

/* As phy-rcar-gen3-usb2.c: a consumer of what it provides, which is off at unbind. */
static int board_use(struct device *dev, const char *name)
{
	struct regulator *reg = devm_regulator_get_optional(dev, name);

	if (IS_ERR(reg))
		return PTR_ERR(reg);
	return regulator_enable(reg) ?: devm_add_action_or_reset(dev, board_off, reg);
}

static int board_probe_reg(struct platform_device *pdev, unsigned int which)
{
	struct regulator_config config = { .dev = &pdev->dev };
	struct regulator_dev *rdev;
	struct regulator_init_data *data;
	struct board_reg *reg;

	reg = devm_kzalloc(&pdev->dev, sizeof(*reg), GFP_KERNEL);
	data = devm_kmemdup(&pdev->dev, &board_init_data, sizeof(*data), GFP_KERNEL);
	if (!reg || !data)
		return -ENOMEM;
	reg->hw = &board_hw[which];
	reg->desc = (struct regulator_desc){
		.name		= which ? BOARD_LDO : BOARD_BUCK,
		.id		= which,
		.type		= REGULATOR_VOLTAGE,
		.owner		= THIS_MODULE,
		.ops		= &board_ops,
		.n_voltages	= 11,
		.min_uV		= 1000000,
		.uV_step	= 100000,
	};
	data->consumer_supplies = &board_supplies[which];
	data->constraints.always_on = board_broken;
	if (which)
		data->supply_regulator = BOARD_BUCK;
	config.init_data = data;
	config.driver_data = reg;
	rdev = devm_regulator_register(&pdev->dev, &reg->desc, &config);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	if (!which)
		board_buck = rdev;
	return board_alone ? board_use(&pdev->dev, reg->desc.name) : 0;
}

static int board_buck_probe(struct platform_device *pdev)
{
	return board_probe_reg(pdev, 0);
}

static int board_ldo_probe(struct platform_device *pdev)
{
	return board_probe_reg(pdev, 1);
}

static struct platform_driver board_drivers[] = {
	{ .probe = board_buck_probe, .driver = { .name = BOARD_BUCK } },
	{ .probe = board_ldo_probe, .driver = { .name = BOARD_LDO } },
};

static struct platform_device *board_pdevs[3];
static struct dentry *board_files[3];

/*
 * One that does what it is told: what it has, how it learns of events, and what
 * came of the last command.
 */
static struct board_consumer {
	/* Protects what follows: one command at a time. */
	struct mutex		lock;
	struct regulator	*reg;
	struct notifier_block	nb;
	char			said[128];
} board_consumers[3];

static unsigned int board_events;

static int board_event(struct notifier_block *nb, unsigned long event, void *data)
{
	board_events++;
	return NOTIFY_OK;
}

static int board_get(struct board_consumer *me, const char *name, bool alone)
{
	struct device *dev = &board_pdevs[2]->dev;
	struct regulator *reg = alone ? regulator_get_exclusive(dev, name) :
					regulator_get_optional(dev, name);

	if (IS_ERR(reg))
		return PTR_ERR(reg);
	me->reg = reg;
	return 0;
}

static int board_flags(struct regulator *reg)
{
	unsigned int flags;

	return regulator_get_error_flags(reg, &flags);
}

static int board_put(struct board_consumer *me)
{
	regulator_put(me->reg);
	me->reg = NULL;
	return 0;
}

static int board_do(struct board_consumer *me, const char *cmd, const char *arg)
{
	struct regulator *reg = me->reg;
	int uV;

	if (!strcmp(cmd, "get"))
		return board_get(me, arg, false);
	if (!strcmp(cmd, "own"))
		return board_get(me, arg, true);
	if (!reg)
		return -EBADF;
	if (!strcmp(cmd, "put"))
		return board_put(me);
	if (!strcmp(cmd, "enable"))
		return regulator_enable(reg);
	if (!strcmp(cmd, "disable"))
		return regulator_disable(reg);
	if (!strcmp(cmd, "deferred"))
		return regulator_disable_deferred(reg, 100);
	if (!strcmp(cmd, "set"))
		return kstrtoint(arg, 10, &uV) ?: regulator_set_voltage(reg, uV, INT_MAX);
	if (!strcmp(cmd, "voltage"))
		return regulator_get_voltage(reg);
	if (!strcmp(cmd, "enabled"))
		return regulator_is_enabled(reg);
	if (!strcmp(cmd, "load"))
		return regulator_set_load(reg, 1000);
	if (!strcmp(cmd, "mode"))
		return regulator_set_mode(reg, REGULATOR_MODE_FAST);
	if (!strcmp(cmd, "list"))
		return regulator_list_voltage(reg, 1);
	if (!strcmp(cmd, "step"))
		return regulator_get_linear_step(reg);
	if (!strcmp(cmd, "flags"))
		return board_flags(reg);
	if (!strcmp(cmd, "supported"))
		return regulator_is_supported_voltage(reg, 1500000, 1500000);
	if (!strcmp(cmd, "watch"))
		return regulator_register_notifier(reg, &me->nb);
	if (!strcmp(cmd, "unwatch"))
		return regulator_unregister_notifier(reg, &me->nb);
	return -EINVAL;
}

static ssize_t board_write(struct file *file, const char __user *buf, size_t len,
			   loff_t *pos)
{
	struct board_consumer *me = file->private_data;
	char text[64], *arg = text, *cmd;

	if (len >= sizeof(text) || copy_from_user(text, buf, len))
		return -EINVAL;
	text[len] = '\0';
	arg = strim(text);
	cmd = strsep(&arg, " ");

	mutex_lock(&me->lock);
	if (!strcmp(cmd, "hold"))
		WRITE_ONCE(board_hold, true);
	else if (!strcmp(cmd, "go"))
		complete(&board_go);
	else if (!strcmp(cmd, "free"))
		WRITE_ONCE(board_hold, false);
	else if (!strcmp(cmd, "broken") || !strcmp(cmd, "whole"))
		board_broken = !strcmp(cmd, "broken");
	else if (!strcmp(cmd, "event"))
		regulator_notifier_call_chain(board_buck, REGULATOR_EVENT_UNDER_VOLTAGE, NULL);
	else if (!strcmp(cmd, "alone") || !strcmp(cmd, "shared"))
		board_alone = !strcmp(cmd, "alone");
	else if (!strcmp(cmd, "held"))
		snprintf(me->said, sizeof(me->said), "%d\n", atomic_read(&board_held));
	else if (!strcmp(cmd, "hw"))
		snprintf(me->said, sizeof(me->said), "buck %u %u %u ldo %u %u %u\n",
			 board_hw[0].on, board_hw[0].sel, board_hw[0].calls,
			 board_hw[1].on, board_hw[1].sel, board_hw[1].calls);
	else if (!strcmp(cmd, "events"))
		snprintf(me->said, sizeof(me->said), "%u\n", board_events);
	else
		snprintf(me->said, sizeof(me->said), "%d\n", board_do(me, cmd, arg ?: ""));
	mutex_unlock(&me->lock);
	return len;
}

static ssize_t board_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct board_consumer *me = file->private_data;
	char said[sizeof(me->said)];

	mutex_lock(&me->lock);
	strscpy(said, me->said, sizeof(said));
	mutex_unlock(&me->lock);
	return simple_read_from_buffer(buf, len, pos, said, strlen(said));
}

static const struct file_operations board_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= board_read,
	.write	= board_write,
};

static void board_undo(int drivers, int devices)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(board_consumers); i++) {
		debugfs_remove(board_files[i]);
		if (board_consumers[i].reg)
			regulator_put(board_consumers[i].reg);
	}
	while (devices--)
		platform_device_unregister(board_pdevs[devices]);
	while (drivers--)
		platform_driver_unregister(&board_drivers[drivers]);
}

static int __init board_init(void)
{
	static const char * const names[] = { BOARD_BUCK, BOARD_LDO, BOARD_CONSUMER };
	static const char * const files[] = {
		"board-regulator", "board-regulator2", "board-regulator3",
	};
	int ret, i, n;

	for (i = 0; i < ARRAY_SIZE(board_drivers); i++) {
		ret = platform_driver_register(&board_drivers[i]);
		if (ret) {
			board_undo(i, 0);
			return ret;
		}
	}
	for (n = 0; n < ARRAY_SIZE(names); n++) {
		board_pdevs[n] = platform_device_register_simple(names[n], PLATFORM_DEVID_NONE,
								 NULL, 0);
		if (IS_ERR(board_pdevs[n])) {
			board_undo(i, n);
			return PTR_ERR(board_pdevs[n]);
		}
	}
	for (n = 0; n < ARRAY_SIZE(board_consumers); n++) {
		mutex_init(&board_consumers[n].lock);
		board_consumers[n].nb.notifier_call = board_event;
		board_files[n] = debugfs_create_file(files[n], 0600, NULL, &board_consumers[n],
						     &board_fops);
	}
	return 0;
}
module_init(board_init);

static void __exit board_exit(void)
{
	board_undo(ARRAY_SIZE(board_drivers), ARRAY_SIZE(board_pdevs));
}
module_exit(board_exit);

MODULE_DESCRIPTION("Two regulators and a consumer");
MODULE_LICENSE("GPL");
