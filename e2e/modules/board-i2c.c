// SPDX-License-Identifier: GPL-2.0
/*
 * The "board" for I2C drivers: an adapter without wires
 *
 * - It is the far end of ipmb-dev: what is written to the parameter "receive",
 *   bytes in hexadecimal, arrives at the client that registered itself as a
 *   target; what that client sends can be read from the parameter "sent".
 * - At address 0x20 there is an I2C responder for i2cr-scom: 64-bit registers,
 *   addressed by a 32-bit command whose lowest bit is parity. It comes from
 *   board.dts.
 * - At address 0x10 there is a radio for radio-tea5764: it says what it is, and
 *   takes what is written.
 *
 * The number of the adapter is in the parameter "nr".
 */
#include <linux/hex.h>
#include <linux/i2c.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#define RESPONDER	0x20
#define RADIO		0x10
#define MAX_LEN		64

static DEFINE_MUTEX(board_lock);	/* protects what follows */
static struct i2c_client *board_target;
static u8 board_sent[MAX_LEN];
static unsigned int board_sent_len;
static u64 board_regs[16];

static int board_nr = -1;
module_param_named(nr, board_nr, int, 0444);
MODULE_PARM_DESC(nr, "number of the adapter");

/* The status, at an address that is no register, is always 0: no error. */
static u64 *board_reg(const u8 *command)
{
	u32 address = get_unaligned((const u32 *)command) >> 1;

	return address < ARRAY_SIZE(board_regs) ? &board_regs[address] : NULL;
}

static int board_respond(struct i2c_msg *msgs, int num)
{
	u64 *reg;

	if (msgs[0].flags & I2C_M_RD || msgs[0].len < sizeof(u32))
		return -EIO;
	reg = board_reg(msgs[0].buf);
	if (num == 1) {
		if (msgs[0].len < sizeof(u32) + sizeof(u64))
			return -EIO;
		if (reg)
			*reg = get_unaligned((const u64 *)(msgs[0].buf + sizeof(u32)));
		return num;
	}
	if (msgs[1].len != sizeof(u64))
		return -EIO;
	put_unaligned(reg ? *reg : 0, (u64 *)msgs[1].buf);
	return num;
}

/* 14 registers of 16 bits, big-endian; the last two say who made what. */
static int board_radio(struct i2c_msg *msg)
{
	if (!(msg->flags & I2C_M_RD))
		return 1;
	if (msg->len != 28)
		return -EIO;
	memset(msg->buf, 0, msg->len);
	put_unaligned_be16(0x002b, msg->buf + 24);
	put_unaligned_be16(0x5764, msg->buf + 26);
	return 1;
}

static int board_xfer(struct i2c_adapter *adap, struct i2c_msg *msgs, int num)
{
	guard(mutex)(&board_lock);
	if (msgs[0].addr == RESPONDER)
		return board_respond(msgs, num);
	if (msgs[0].addr == RADIO && num == 1)
		return board_radio(msgs);
	if (num != 1 || msgs[0].flags & I2C_M_RD || msgs[0].len > MAX_LEN)
		return -ENXIO;
	memcpy(board_sent, msgs[0].buf, msgs[0].len);
	board_sent_len = msgs[0].len;
	return num;
}

static u32 board_functionality(struct i2c_adapter *adap)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL | I2C_FUNC_SLAVE;
}

static int board_reg_target(struct i2c_client *client)
{
	guard(mutex)(&board_lock);
	if (board_target)
		return -EBUSY;
	board_target = client;
	return 0;
}

static int board_unreg_target(struct i2c_client *client)
{
	guard(mutex)(&board_lock);
	board_target = NULL;
	return 0;
}

static const struct i2c_algorithm board_algorithm = {
	.xfer		= board_xfer,
	.functionality	= board_functionality,
	.reg_target	= board_reg_target,
	.unreg_target	= board_unreg_target,
};

static struct i2c_adapter board_adapter = {
	.owner	= THIS_MODULE,
	.name	= "board-i2c",
	.algo	= &board_algorithm,
};

static int board_receive(const char *val, const struct kernel_param *kp)
{
	size_t len = strcspn(val, "\n") / 2, i;
	u8 bytes[MAX_LEN], none = 0;

	if (len > MAX_LEN || hex2bin(bytes, val, len))
		return -EINVAL;
	guard(mutex)(&board_lock);
	if (!board_target)
		return -ENODEV;
	i2c_slave_event(board_target, I2C_SLAVE_WRITE_REQUESTED, &none);
	for (i = 0; i < len; i++)
		i2c_slave_event(board_target, I2C_SLAVE_WRITE_RECEIVED, &bytes[i]);
	i2c_slave_event(board_target, I2C_SLAVE_STOP, &none);
	return 0;
}

static const struct kernel_param_ops board_receive_ops = {
	.set = board_receive,
};
module_param_cb(receive, &board_receive_ops, NULL, 0200);
MODULE_PARM_DESC(receive, "write bytes in hexadecimal: they are sent to the target");

static int board_get_sent(char *buffer, const struct kernel_param *kp)
{
	guard(mutex)(&board_lock);
	return sysfs_emit(buffer, "%*phN\n", (int)board_sent_len, board_sent);
}

static const struct kernel_param_ops board_sent_ops = {
	.get = board_get_sent,
};
module_param_cb(sent, &board_sent_ops, NULL, 0444);
MODULE_PARM_DESC(sent, "the last message that was sent, in hexadecimal");

static int __init board_init(void)
{
	int ret;

	board_adapter.dev.of_node = of_find_node_by_path("/i2c");
	ret = i2c_add_adapter(&board_adapter);
	if (ret)
		of_node_put(board_adapter.dev.of_node);
	board_nr = board_adapter.nr;
	return ret;
}
module_init(board_init);

static void __exit board_exit(void)
{
	struct device_node *node = board_adapter.dev.of_node;

	i2c_del_adapter(&board_adapter);
	of_node_put(node);
}
module_exit(board_exit);

MODULE_DESCRIPTION("I2C adapter for ipmb-dev, i2cr-scom and radio-tea5764");
MODULE_LICENSE("GPL");
