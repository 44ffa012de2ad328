// SPDX-License-Identifier: GPL-2.0
/*
 * RESMGR_DEBUG reports the mainline drivers that keep objects in devm memory
 *
 * Modules built from the unpatched source, on the patched kernel. Binding each
 * is enough: the report comes from the registration, before there is a file
 * that could be left open. The suites of the converted drivers show that these
 * are not reported: any report is a failure there.
 *
 * Which drivers there are depends on the machine: User Mode Linux, or a PC.
 */
#include "driver.h"
#include "uhid.h"

#include <glob.h>

/**
 * struct subject - a driver, and what is said of it
 * @module: the file
 * @board: module with its device, loaded afterwards, or %NULL
 * @override: file to write the name of the driver to beforehand, or %NULL
 * @bind: file to write @device to, or %NULL when there is no need
 * @device: what is written there
 * @driver: name of the driver, as a regular expression
 * @what: type of the object, likewise
 * @function: that has allocated and registered it, likewise
 * @node: is there once it is bound; a pattern for the shell
 * @until: first version that has this no more, or 0
 */
struct subject {
	const char *module, *board, *override, *bind, *device;
	const char *driver, *what, *function, *node;
	int until;
};

static const struct subject uml[] = {
	{ "hid-sensor-custom-mainline", .driver = "hid_sensor_custom_mainline",
	  .what = "miscdevice", .function = "hid_sensor_custom_(probe|dev_if_add)" },
	{ "ipmb_dev_int-mainline", "board-i2c",
	  .bind = "/sys/bus/i2c/devices/i2c-0/new_device", .device = "ipmb-dev 0x1010",
	  .driver = "ipmb-dev", .what = "miscdevice", .function = "ipmb_probe",
	  .node = "/dev/ipmb-0" },
	/* The board is loaded already: the ipmb driver needed it. */
	{ "i2cr-scom-mainline", .driver = "i2cr_scom", .what = "(device|cdev)",
	  .function = "i2cr_scom_probe", .node = "/dev/scom*" },
	{ "open-dice-mainline", .driver = "open-dice", .what = "miscdevice",
	  .function = "open_dice_probe", .node = "/dev/open-dice0" },
};

static const struct subject pc[] = {
	{ "dell-smo8800-mainline", "board-smo8800", .driver = "smo8800",
	  .what = "miscdevice", .function = "smo8800_probe", .node = "/dev/freefall" },
	{ "cros_ec_chardev-mainline", "board-cros-ec", .driver = "cros-ec-chardev",
	  .what = "miscdevice", .function = "cros_ec_chardev_probe", .node = "/dev/cros_ec",
	  .until = 700 },
	{ "pci_endpoint_test-mainline", .bind = "/sys/bus/pci/drivers/pci-endpoint-test/new_id",
	  .device = "1234 11e8", .driver = "pci-endpoint-test", .what = "miscdevice",
	  .function = "pci_endpoint_test_probe", .node = "/dev/pci-endpoint-test.0" },
};

/* A PC with media; @override is filled in. */
static struct subject media[] = {
	{ "v4l2-pci-skeleton-mainline", .driver = "v4l2_pci_skeleton_mainline",
	  .what = "video_device", .function = "skeleton_probe", .node = "/dev/video*" },
};

/* QEMU's edu device, for drivers that are for no device in particular. */
static const char *edu(void)
{
	static char path[256];
	glob_t g = { 0 };
	size_t i;

	glob("/sys/bus/pci/devices/*/device", 0, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++)
		if (read_long(g.gl_pathv[i]) == 0x11e8)
			snprintf(path, sizeof(path), "%.200s", g.gl_pathv[i]);
	globfree(&g);
	if (*path)
		strcpy(strrchr(path, '/') + 1, "driver_override");
	return path;
}

static bool has_node(const char *pattern)
{
	glob_t g = { 0 };
	bool found = !glob(pattern, 0, NULL, &g);

	globfree(&g);
	return found;
}

/* It has to be said once, with the names of both functions. */
static void t_named(const struct subject *s)
{
	static struct sensor sensor;
	char ere[256];
	int ret;

	diag("%s is reported as it is bound", s->module);
	snprintf(ere, sizeof(ere),
		 "resmgr: devm \\S+ \\(%s\\): struct %s at offset [0-9]+ of devm_kzalloc_release, [0-9]+ bytes, added by %s\\+.*; given away by %s\\+",
		 s->driver, s->what, s->function, s->function);
	expect(ere);
	ret = s->override ? write_file(s->override, s->driver) : 0;
	if (!ret)
		ret = insmod(s->module);
	if (!ret && s->board)
		ret = insmod(s->board);
	if (!ret && s->bind)
		ret = write_file(s->bind, s->device);
	if (!ret && !s->node)
		ret = sensor_plug(&sensor);
	ok_err(ret, 0, "load %s", s->module);
	ok(!s->node || wait_for(has_node(s->node), 5000), "it is bound");
	expect_end();
}

/* The kernel has no "-" in the names of modules. */
static void unload(const char *module)
{
	char name[64];
	char *c;

	snprintf(name, sizeof(name), "%s", module);
	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	ok_err(rmmod(name), 0, "rmmod %s", name);
}

/*
 * The suites that follow want the device for the converted driver. With no file
 * open, a misc device in devm memory is no danger.
 */
static void unload_all(const struct subject *s)
{
	unload(s->module);
	if (s->board)
		unload(s->board);
}

int main(void)
{
	unsigned int i;

	ok(warns_of_devm(), "the kernel has RESMGR_DEBUG");
	if (exists(MODULES "board-smo8800.ko")) {
		for (i = 0; i < ARRAY_SIZE(pc); i++) {
			if (pc[i].until && kernel_version() >= pc[i].until)
				continue;
			t_named(&pc[i]);
			unload_all(&pc[i]);
		}
	} else if (exists(MODULES "v4l2-pci-skeleton.ko")) {
		insmod_if_there("videobuf2-common");
		insmod_if_there("videobuf2-memops");
		insmod_if_there("videobuf2-v4l2");
		insmod_if_there("videobuf2-dma-contig");
		media[0].override = edu();
		/*
		 * It stays bound: an unbind would free its memory before its
		 * struct device is released.
		 */
		t_named(&media[0]);
	} else {
		insmod_if_there("mfd-core");
		ok_err(insmod("hid-sensor-hub"), 0, "insmod hid-sensor-hub");
		for (i = 0; i < ARRAY_SIZE(uml); i++)
			t_named(&uml[i]);
	}
	return done("misuse");
}
