// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for open-dice: removes its device and brings it back
 *
 * The device comes from the reserved memory in e2e/modules/board.dts. Its
 * driver cannot be unbound through sysfs, and an open file holds its module, so
 * the device itself has to go. Loading this module removes it, unloading brings
 * it back.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>

static struct device_node *board_node;

static int __init board_init(void)
{
	struct platform_device *pdev;

	board_node = of_find_compatible_node(NULL, NULL, "google,open-dice");
	pdev = of_find_device_by_node(board_node);
	if (!pdev) {
		of_node_put(board_node);
		return -ENODEV;
	}
	of_platform_device_destroy(&pdev->dev, NULL);
	put_device(&pdev->dev);
	return 0;
}
module_init(board_init);

static void __exit board_exit(void)
{
	if (!of_platform_device_create(board_node, NULL, NULL))
		pr_err("board-open-dice: the device does not come back\n");
	of_node_put(board_node);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Takes the device of open-dice away");
MODULE_LICENSE("GPL");
