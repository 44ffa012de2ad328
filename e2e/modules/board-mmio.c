// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for platform drivers: registers, interrupts
 *
 * User Mode Linux has no registers, but lets a module answer for a range of
 * addresses. Here they are memory: what is written can be read. Some of them do
 * more, as hardware would, which is in board_hooks. The devices are in board.dts.
 *
 * - The parameter "poke" takes "ADDRESS" or "ADDRESS VALUE", in hexadecimal, and
 *   "peek" is the value of the register at the last such address.
 * - The parameter "irq" takes the number of an interrupt that happens once.
 */
#include <linux/hex.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/logic_iomem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/swab.h>
#include <linux/vmalloc.h>

/* As in board.dts */
#define BOARD_REGS		0xe0000000
#define BOARD_REGS_SIZE		0x100000
#define BOARD_HWICAP		0x4000
#define BOARD_GOLDFISH		0x5000
#define BOARD_AXIS_FIFO		0x6000
/*
 * Registers that programs map have to be in the guest's memory. There they see other
 * registers than the driver does: not all of that memory is mapped for the kernel.
 */
#define BOARD_RAM_REGS		0x0c030000
#define BOARD_RAM_REGS_SIZE	0x1000

#define BOARD_IRQS		16

static void *board_regs;
static void *board_ram_regs;
static struct irq_domain *board_irqs;

/* --- registers that do something */

/* Of drivers/platform/goldfish: what the guest's command buffer begins with. */
struct goldfish_command {
	s32 cmd, id, status, reserved;
	u32 buffers_count;
	s32 consumed_size;
	u64 ptrs[336];
	u32 sizes[336];
};

struct goldfish_open {
	u64 command;
	u32 max_count;
};

enum {
	GOLDFISH_OPEN = 1, GOLDFISH_CLOSE, GOLDFISH_POLL, GOLDFISH_WRITE,
	GOLDFISH_WAKE_ON_WRITE, GOLDFISH_READ, GOLDFISH_WAKE_ON_READ,
};

#define GOLDFISH_PIPES		64
#define GOLDFISH_OPEN_HIGH	20
#define GOLDFISH_OPEN_LOW	24
#define GOLDFISH_POLL_OUT	2
#define GOLDFISH_AGAIN		(-2)

static struct goldfish_command *goldfish_pipes[GOLDFISH_PIPES];

static u32 board_reg(unsigned int offset)
{
	return *(u32 *)(board_regs + offset);
}

/* A pipe that takes all that is written and never has anything to read. */
static void goldfish_run(u32 id)
{
	u64 at = (u64)board_reg(BOARD_GOLDFISH + GOLDFISH_OPEN_HIGH) << 32 |
		 board_reg(BOARD_GOLDFISH + GOLDFISH_OPEN_LOW);
	struct goldfish_open *open = phys_to_virt(at);
	struct goldfish_command *c;
	u32 i;

	if (id >= GOLDFISH_PIPES)
		return;
	/* On stock the driver's page has been freed, and may have something else in it. */
	if (at && open->command && PAGE_ALIGNED(open->command) &&
	    pfn_valid(PHYS_PFN(open->command))) {
		c = phys_to_virt(open->command);
		if (c->cmd == GOLDFISH_OPEN && c->id == id) {
			goldfish_pipes[id] = c;
			open->command = 0;
		}
	}
	c = goldfish_pipes[id];
	if (!c)
		return;
	c->status = 0;
	switch (c->cmd) {
	case GOLDFISH_CLOSE:
		goldfish_pipes[id] = NULL;
		break;
	case GOLDFISH_POLL:
		c->status = GOLDFISH_POLL_OUT;
		break;
	case GOLDFISH_WRITE:
		c->consumed_size = 0;
		for (i = 0; i < c->buffers_count; i++)
			c->consumed_size += c->sizes[i];
		c->status = c->consumed_size;
		break;
	case GOLDFISH_READ:
		c->consumed_size = 0;
		c->status = GOLDFISH_AGAIN;
		break;
	}
}

/**
 * struct board_hook - a register that is more than memory
 * @offset: where it is
 * @value: what is read, whatever is written; if not 0
 * @write: is told what is written; or %NULL
 */
struct board_hook {
	unsigned int offset;
	u32 value;
	void (*write)(u32 value);
};

static const struct board_hook board_hooks[] = {
	/* Xilinx HWICAP: done and aligned; room in the FIFO. It is big-endian. */
	{ BOARD_HWICAP + 0x110, ___constant_swab32(0x81) },
	{ BOARD_HWICAP + 0x114, ___constant_swab32(1024) },
	{ BOARD_HWICAP + 0x118, ___constant_swab32(256) },
	/* Goldfish pipe: the version; a command */
	{ BOARD_GOLDFISH + 36, 2 },
	{ BOARD_GOLDFISH + 0, 0, goldfish_run },
	/* AXI FIFO: room in the transmit FIFO */
	{ BOARD_AXIS_FIFO + 0x0c, 512 },
};

static const struct board_hook *board_hook(void *regs, unsigned int offset)
{
	unsigned int i;

	for (i = 0; regs == board_regs && i < ARRAY_SIZE(board_hooks); i++)
		if (board_hooks[i].offset == offset)
			return &board_hooks[i];
	return NULL;
}

/* --- registers */

static unsigned long board_read(void *regs, unsigned int offset, int size)
{
	const struct board_hook *hook = board_hook(regs, offset);
	unsigned long value = 0;

	if (hook && hook->value)
		return hook->value;
	memcpy(&value, regs + offset, size);
	return value;
}

static void board_write(void *regs, unsigned int offset, int size, unsigned long value)
{
	const struct board_hook *hook = board_hook(regs, offset);

	memcpy(regs + offset, &value, size);
	if (hook && hook->write)
		hook->write(value);
}

static const struct logic_iomem_ops board_iomem_ops = {
	.read	= board_read,
	.write	= board_write,
};

static long board_map_regs(unsigned long offset, size_t size,
			   const struct logic_iomem_ops **ops, void **priv)
{
	*ops = &board_iomem_ops;
	*priv = board_regs;
	return offset;
}

static const struct logic_iomem_region_ops board_regs_ops = {
	.map	= board_map_regs,
};

static long board_map_ram_regs(unsigned long offset, size_t size,
			       const struct logic_iomem_ops **ops, void **priv)
{
	*ops = &board_iomem_ops;
	*priv = board_ram_regs;
	return offset;
}

static const struct logic_iomem_region_ops board_ram_regs_ops = {
	.map	= board_map_ram_regs,
};

static struct resource board_regs_res =
	DEFINE_RES_MEM_NAMED(BOARD_REGS, BOARD_REGS_SIZE, "board");
static struct resource board_ram_regs_res =
	DEFINE_RES_MEM_NAMED(BOARD_RAM_REGS, BOARD_RAM_REGS_SIZE, "board-ram");

static unsigned int board_poked;

static int board_poke(const char *val, const struct kernel_param *kp)
{
	unsigned int address, value;
	int n = sscanf(val, "%x %x", &address, &value);

	if (n < 1 || address < BOARD_REGS || address >= BOARD_REGS + BOARD_REGS_SIZE)
		return -EINVAL;
	board_poked = address - BOARD_REGS;
	if (n == 2)
		*(u32 *)(board_regs + board_poked) = value;
	return 0;
}

static const struct kernel_param_ops board_poke_ops = {
	.set = board_poke,
};
module_param_cb(poke, &board_poke_ops, NULL, 0200);
MODULE_PARM_DESC(poke, "ADDRESS [VALUE]: the register of peek, and its value");

static int board_peek(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "0x%x\n", board_reg(board_poked));
}

static const struct kernel_param_ops board_peek_ops = {
	.get = board_peek,
};
module_param_cb(peek, &board_peek_ops, NULL, 0444);
MODULE_PARM_DESC(peek, "the value of the register that was named last");

/* --- interrupts */

static int board_irq_map(struct irq_domain *domain, unsigned int virq, irq_hw_number_t hw)
{
	irq_set_chip_and_handler(virq, &dummy_irq_chip, handle_simple_irq);
	return 0;
}

static const struct irq_domain_ops board_irq_ops = {
	.map	= board_irq_map,
	.xlate	= irq_domain_xlate_onecell,
};

static int board_raise(const char *val, const struct kernel_param *kp)
{
	unsigned int nr;
	int ret = kstrtouint(val, 0, &nr);

	return ret ?: generic_handle_domain_irq_safe(board_irqs, nr);
}

static const struct kernel_param_ops board_raise_ops = {
	.set = board_raise,
};
module_param_cb(irq, &board_raise_ops, NULL, 0200);
MODULE_PARM_DESC(irq, "this interrupt happens");

/* A device with a driver, which the others wait for. */
static int board_irq_probe(struct platform_device *pdev)
{
	board_irqs = irq_domain_create_linear(of_fwnode_handle(pdev->dev.of_node), BOARD_IRQS,
					      &board_irq_ops, NULL);
	return board_irqs ? 0 : -ENOMEM;
}

static const struct of_device_id board_irq_match[] = {
	{ .compatible = "resmgr,interrupts" },
	{ }
};

static struct platform_driver board_irq_driver = {
	.probe	= board_irq_probe,
	.driver	= {
		.name			= "board-mmio",
		.of_match_table		= board_irq_match,
		.suppress_bind_attrs	= true,
	},
};

/* A range of addresses cannot be given back, so this module stays once it has one. */
static int __init board_init(void)
{
	int ret = -ENOMEM;

	board_regs = vzalloc(BOARD_REGS_SIZE);
	board_ram_regs = vzalloc(BOARD_RAM_REGS_SIZE);
	if (board_regs && board_ram_regs)
		ret = logic_iomem_add_region(&board_regs_res, &board_regs_ops);
	if (ret) {
		vfree(board_ram_regs);
		vfree(board_regs);
		return ret;
	}
	__module_get(THIS_MODULE);
	ret = logic_iomem_add_region(&board_ram_regs_res, &board_ram_regs_ops) ?:
	      platform_driver_register(&board_irq_driver);
	if (ret)
		pr_err("board-mmio: not all of it: %d\n", ret);
	return 0;
}
module_init(board_init);

MODULE_DESCRIPTION("Registers and interrupts for platform drivers");
MODULE_LICENSE("GPL");
