// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of open-dice, so that its driver can clear it
 *
 * ioremap() of User Mode Linux returns addresses that readl() and the like
 * understand, and open-dice uses memset(). So this has ordinary memory in its
 * place: the parameter "byte" is the last byte of it. While the parameter "hold"
 * is set, mapping it does not end: then a write() of the node stays inside the
 * driver.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/logic_iomem.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

/*
 * As in e2e/modules/board.dts: not where UML has its platform devices, whose
 * addresses are taken.
 */
#define BOARD_DICE	0x0c000000
#define BOARD_DICE_SIZE	0x4000

static char *board_memory;

static int board_byte_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", board_memory[BOARD_DICE_SIZE - 1]);
}

static const struct kernel_param_ops board_byte_ops = {
	.get = board_byte_get,
};
module_param_cb(byte, &board_byte_ops, NULL, 0400);

static bool board_hold;
module_param_named(hold, board_hold, bool, 0600);
MODULE_PARM_DESC(hold, "who maps the memory is held up");

/* What ioremap() returns is an offset to this, if it uses this area. */
static void __iomem *board_base;
static const struct logic_iomem_ops **board_area;

static const struct logic_iomem_ops board_iomem_ops = {};

static long board_map(unsigned long offset, size_t size,
		      const struct logic_iomem_ops **ops, void **priv)
{
	*ops = &board_iomem_ops;
	if (!board_area) {
		board_area = ops;
		return 0;
	}
	while (READ_ONCE(board_hold))
		msleep(20);
	/* Nobody unmaps what looks like ordinary memory: the area stays in use. */
	if (WARN_ON(ops != board_area))
		return -EBUSY;
	return board_memory + offset - (char __force *)board_base;
}

static const struct logic_iomem_region_ops board_region_ops = {
	.map	= board_map,
};

static struct resource board_res =
	DEFINE_RES_MEM_NAMED(BOARD_DICE, BOARD_DICE_SIZE, "board-dice");

/* A range of addresses cannot be given back, so this module stays once it has one. */
static int __init board_init(void)
{
	int ret;

	board_memory = kmalloc(BOARD_DICE_SIZE, GFP_KERNEL);
	if (!board_memory)
		return -ENOMEM;
	memset(board_memory, 'x', BOARD_DICE_SIZE);
	ret = logic_iomem_add_region(&board_res, &board_region_ops);
	if (ret) {
		kfree(board_memory);
		return ret;
	}
	__module_get(THIS_MODULE);
	board_base = ioremap(BOARD_DICE, BOARD_DICE_SIZE);
	if (board_base)
		iounmap(board_base);
	return 0;
}
module_init(board_init);

MODULE_DESCRIPTION("Lets open-dice clear its memory, and waits in it");
MODULE_LICENSE("GPL");
