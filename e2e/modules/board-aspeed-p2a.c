// SPDX-License-Identifier: GPL-2.0
/*
 * The system controller that aspeed-p2a-ctrl finds its bridge in
 *
 * The devices come from e2e/modules/board.dts; this has the registers. What is in
 * them, and how often they were written, is in the module's parameters. There is no
 * way to take a regmap from syscon, so the module stays.
 */
#include <linux/err.h>
#include <linux/mfd/syscon.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/regmap.h>

#define BOARD_SCU2C	0x2c
#define BOARD_SCU180	0x180

static unsigned int scu2c, scu180, writes;
module_param(scu2c, uint, 0444);
MODULE_PARM_DESC(scu2c, "which windows are shut");
module_param(scu180, uint, 0444);
MODULE_PARM_DESC(scu180, "is the bridge open?");
module_param(writes, uint, 0444);
MODULE_PARM_DESC(writes, "how often one of them was written");

static unsigned int *board_reg(unsigned int reg)
{
	switch (reg) {
	case BOARD_SCU2C:
		return &scu2c;
	case BOARD_SCU180:
		return &scu180;
	}
	return NULL;
}

static int board_read(void *context, unsigned int reg, unsigned int *val)
{
	unsigned int *at = board_reg(reg);

	if (!at)
		return -EIO;
	*val = *at;
	return 0;
}

static int board_write(void *context, unsigned int reg, unsigned int val)
{
	unsigned int *at = board_reg(reg);

	if (!at)
		return -EIO;
	*at = val;
	writes++;
	return 0;
}

static const struct regmap_config board_regmap = {
	.name		= "board-scu",
	.reg_bits	= 32,
	.val_bits	= 32,
	.reg_stride	= 4,
	.reg_read	= board_read,
	.reg_write	= board_write,
};

static int __init board_init(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "resmgr,scu");
	struct regmap *map;
	int ret;

	if (!node)
		return -ENODEV;
	map = regmap_init(NULL, NULL, NULL, &board_regmap);
	ret = IS_ERR(map) ? PTR_ERR(map) : of_syscon_register_regmap(node, map);
	if (ret && !IS_ERR(map))
		regmap_exit(map);
	of_node_put(node);
	return ret;
}
module_init(board_init);

MODULE_DESCRIPTION("System controller with the bridge of aspeed-p2a-ctrl");
MODULE_LICENSE("GPL");
