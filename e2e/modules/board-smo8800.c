// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for dell-smo8800: a platform device with an interrupt
 *
 * Writing to the parameter "fall" of this module is a fall of the laptop: the
 * interrupt is raised once.
 */
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static struct platform_device *board_pdev;
static int board_irq;

static int board_fall(const char *val, const struct kernel_param *kp)
{
	/* Before the device is there, as a parameter on the command line. */
	if (!board_pdev)
		return -ENODEV;
	return generic_handle_irq_safe(board_irq);
}

static const struct kernel_param_ops board_fall_ops = {
	.set = board_fall,
};
module_param_cb(fall, &board_fall_ops, NULL, 0200);
MODULE_PARM_DESC(fall, "write anything: raise the interrupt");

static int __init board_init(void)
{
	struct resource res;

	board_irq = irq_alloc_desc(NUMA_NO_NODE);
	if (board_irq < 0)
		return board_irq;
	irq_set_chip_and_handler(board_irq, &dummy_irq_chip, handle_simple_irq);
	irq_clear_status_flags(board_irq, IRQ_NOREQUEST);

	res = DEFINE_RES_IRQ(board_irq);
	board_pdev = platform_device_register_simple("smo8800", PLATFORM_DEVID_NONE,
						     &res, 1);
	if (IS_ERR(board_pdev)) {
		irq_free_desc(board_irq);
		return PTR_ERR(board_pdev);
	}
	return 0;
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board_pdev);
	irq_free_desc(board_irq);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Platform device with an interrupt for dell-smo8800");
MODULE_LICENSE("GPL");
