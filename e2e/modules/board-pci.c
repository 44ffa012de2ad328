// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for PCI drivers: a bus with a card on it
 *
 * The card is a DT3155 frame grabber, as far as its driver checks at bind:
 * configuration space, and registers that are memory, except for those of its
 * internal bus, which complete a command at once. It captures nothing.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/logic_iomem.h>
#include <linux/module.h>
#include <linux/pci.h>

#define BOARD_BUS		1
/* Not in the way of what UML has, nor of board-mmio.c. */
#define BOARD_WINDOW		0xe8000000
#define BOARD_WINDOW_SIZE	0x100000
#define BOARD_BAR_SIZE		0x1000

/* Of drivers/media/pci/dt3155 */
#define DT3155_DEVICE		0x1223
#define IIC_CSR1		0x60
#define IIC_CSR2		0x64
#define DT3155_ID		0x20

static u8 board_config[256];
static u8 board_regs[BOARD_BAR_SIZE];
static int board_irq;

static int board_read_config(struct pci_bus *bus, unsigned int devfn, int where, int size,
			     u32 *val)
{
	*val = ~0;
	if (devfn || where + size > sizeof(board_config))
		return PCIBIOS_DEVICE_NOT_FOUND;
	*val = 0;
	memcpy(val, board_config + where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int board_write_config(struct pci_bus *bus, unsigned int devfn, int where, int size,
			      u32 val)
{
	if (devfn || where + size > sizeof(board_config))
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (where == PCI_BASE_ADDRESS_0)
		val &= ~(BOARD_BAR_SIZE - 1);
	else if (where > PCI_BASE_ADDRESS_0 && where < PCI_INTERRUPT_LINE)
		return PCIBIOS_SUCCESSFUL;
	memcpy(board_config + where, &val, size);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops board_ops = {
	.read	= board_read_config,
	.write	= board_write_config,
};

static unsigned long board_read(void *priv, unsigned int offset, int size)
{
	unsigned long value = 0;

	memcpy(&value, board_regs + (offset & (BOARD_BAR_SIZE - 1)), size);
	return value;
}

static void board_write(void *priv, unsigned int offset, int size, unsigned long value)
{
	offset &= BOARD_BAR_SIZE - 1;
	if (offset == IIC_CSR1)
		return;
	if (offset == IIC_CSR2)
		value = 0;
	memcpy(board_regs + offset, &value, size);
}

static const struct logic_iomem_ops board_iomem_ops = {
	.read	= board_read,
	.write	= board_write,
};

static long board_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
		      void **priv)
{
	*ops = &board_iomem_ops;
	*priv = NULL;
	return offset;
}

static const struct logic_iomem_region_ops board_region_ops = {
	.map	= board_map,
};

static struct resource board_window =
	DEFINE_RES_MEM_NAMED(BOARD_WINDOW, BOARD_WINDOW_SIZE, "board PCI");
static struct resource board_busn =
	DEFINE_RES_NAMED(BOARD_BUS, 1, "board PCI bus", IORESOURCE_BUS);

static int board_map_irq(const struct pci_dev *pdev, u8 slot, u8 pin)
{
	return board_irq;
}

/* Ranges of addresses cannot be given back, so this module stays. */
static int __init board_init(void)
{
	struct pci_host_bridge *bridge;
	u32 reg;
	int ret;

	reg = PCI_VENDOR_ID_INTEL | DT3155_DEVICE << 16;
	memcpy(board_config + PCI_VENDOR_ID, &reg, sizeof(reg));
	reg = PCI_CLASS_MULTIMEDIA_VIDEO << 16;
	memcpy(board_config + PCI_CLASS_REVISION, &reg, sizeof(reg));
	board_config[PCI_INTERRUPT_PIN] = 1;
	reg = (u32)DT3155_ID << 24;
	memcpy(board_regs + IIC_CSR1, &reg, sizeof(reg));

	board_irq = irq_alloc_desc(NUMA_NO_NODE);
	if (board_irq < 0)
		return board_irq;
	irq_set_chip_and_handler(board_irq, &dummy_irq_chip, handle_simple_irq);
	irq_clear_status_flags(board_irq, IRQ_NOREQUEST);
	ret = logic_iomem_add_region(&board_window, &board_region_ops);
	if (ret)
		goto free_irq;
	/* From here on there is no way back. */
	__module_get(THIS_MODULE);
	bridge = pci_alloc_host_bridge(0);
	if (!bridge)
		return -ENOMEM;
	pci_add_resource(&bridge->windows, &board_window);
	pci_add_resource(&bridge->windows, &board_busn);
	bridge->busnr = BOARD_BUS;
	bridge->ops = &board_ops;
	bridge->map_irq = board_map_irq;
	ret = pci_host_probe(bridge);
	if (ret)
		pci_free_host_bridge(bridge);
	return ret;

free_irq:
	irq_free_desc(board_irq);
	return ret;
}
module_init(board_init);

MODULE_DESCRIPTION("A PCI bus with a DT3155");
MODULE_LICENSE("GPL");
