// SPDX-License-Identifier: GPL-2.0
/* The "board" for peers: a PTP clock, of the kernel's mock driver */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/ptp_mock.h>

static struct device *board;
static struct mock_phc *phc;

static int __init board_ptp_init(void)
{
	board = root_device_register("board-ptp");
	if (IS_ERR(board))
		return PTR_ERR(board);
	phc = mock_phc_create(board);
	if (IS_ERR(phc)) {
		root_device_unregister(board);
		return PTR_ERR(phc);
	}
	return 0;
}
module_init(board_ptp_init);

static void __exit board_ptp_exit(void)
{
	mock_phc_destroy(phc);
	root_device_unregister(board);
}
module_exit(board_ptp_exit);

MODULE_DESCRIPTION("A PTP clock for end-to-end tests");
MODULE_LICENSE("GPL");
