/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A HID sensor hub with one custom sensor, made of uhid
 *
 * hid-sensor-hub finds it by its report descriptor and creates a platform
 * device HID-SENSOR-2000e1.N.auto, which hid-sensor-custom binds to and
 * publishes as a misc device of that name. Closing the uhid file unplugs it.
 */
#ifndef E2E_UHID_H
#define E2E_UHID_H

#include "common.h"

#include <dirent.h>
#include <linux/uhid.h>

#define SENSOR_NODE	"HID-SENSOR-2000e1."
#define SENSOR_USAGE	0x2000e1
#define BUS_USB_ID	0x03

/* The header that hid-sensor-custom puts before each sample. */
struct sensor_sample {
	__u32 usage_id;
	__u64 timestamp;
	__u32 raw_len;
	__u16 raw;
} __attribute__((__packed__));

static const __u8 sensor_descriptor[] = {
	0x05, 0x20,		/* usage page: sensor */
	0x09, 0x01,		/* usage: collection of sensors */
	0xa1, 0x01,		/* collection: application */
	0x05, 0x20,		/*   usage page: sensor */
	0x09, 0xe1,		/*   usage: custom */
	0xa1, 0x00,		/*   collection: physical */
	0x0a, 0x0e, 0x03,	/*     usage: report interval */
	0x15, 0x00,		/*     logical minimum 0 */
	0x27, 0xff, 0xff, 0xff, 0x7f, /* logical maximum 2^31 - 1 */
	0x75, 0x20,		/*     report size 32 */
	0x95, 0x01,		/*     report count 1 */
	0xb1, 0x02,		/*     feature: data, variable, absolute */
	0x0a, 0x43, 0x05,	/*     usage: custom value */
	0x16, 0x00, 0x80,	/*     logical minimum -32768 */
	0x26, 0xff, 0x7f,	/*     logical maximum 32767 */
	0x75, 0x10,		/*     report size 16 */
	0x95, 0x01,		/*     report count 1 */
	0x81, 0x02,		/*     input: data, variable, absolute */
	0xc0,			/*   end collection */
	0xc0,			/* end collection */
};

struct sensor {
	int fd;				/* of /dev/uhid */
	pthread_t thread;		/* answers for the device */
	int stop[2];			/* pipe: closing the end of it stops that */
	__u32 feature;			/* last value that was set */
	int opened;			/* UHID_OPEN less UHID_CLOSE */
	char node[300];			/* "/dev/HID-SENSOR-2000e1.N.auto" */
	char sysfs[300];		/* directory of the platform device */
};

static void sensor_answer(struct sensor *s, const struct uhid_event *in)
{
	struct uhid_event out = { 0 };

	switch (in->type) {
	case UHID_OPEN:
		__atomic_add_fetch(&s->opened, 1, __ATOMIC_RELAXED);
		return;
	case UHID_CLOSE:
		__atomic_sub_fetch(&s->opened, 1, __ATOMIC_RELAXED);
		return;
	case UHID_GET_REPORT:
		out.type = UHID_GET_REPORT_REPLY;
		out.u.get_report_reply.id = in->u.get_report.id;
		out.u.get_report_reply.size = sizeof(s->feature);
		/* Reports of this device have no number. */
		memcpy(out.u.get_report_reply.data, &s->feature, sizeof(s->feature));
		break;
	case UHID_SET_REPORT:
		if (in->u.set_report.size >= sizeof(s->feature))
			memcpy(&s->feature, in->u.set_report.data +
			       in->u.set_report.size - sizeof(s->feature),
			       sizeof(s->feature));
		out.type = UHID_SET_REPORT_REPLY;
		out.u.set_report_reply.id = in->u.set_report.id;
		break;
	default:
		return;
	}
	xwrite(s->fd, &out, sizeof(out));
}

static void *sensor_thread(void *data)
{
	struct sensor *s = data;
	struct pollfd p[2] = {
		{ .fd = s->fd, .events = POLLIN },
		{ .fd = s->stop[0] },
	};
	struct uhid_event ev;

	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		if (p[0].revents & POLLIN && xread(s->fd, &ev, sizeof(ev)) > 0)
			sensor_answer(s, &ev);
	}
}

/* Finds the misc device by its name; the number in it is the kernel's choice. */
static bool sensor_find(struct sensor *s)
{
	struct dirent *e;
	DIR *dir = opendir("/dev");
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		if (strncmp(e->d_name, SENSOR_NODE, strlen(SENSOR_NODE)))
			continue;
		snprintf(s->node, sizeof(s->node), "/dev/%s", e->d_name);
		snprintf(s->sysfs, sizeof(s->sysfs),
			 "/sys/bus/platform/devices/%s", e->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* 0, or a negative errno. */
static int __unused sensor_plug(struct sensor *s)
{
	struct uhid_event ev = { .type = UHID_CREATE2 };
	long ret;

	memset(s, 0, sizeof(*s));
	s->feature = 100;
	s->fd = xopen("/dev/uhid", O_RDWR);
	if (s->fd < 0)
		return s->fd;

	memcpy(ev.u.create2.name, "e2e sensor hub", 15);
	ev.u.create2.bus = BUS_USB_ID;
	ev.u.create2.vendor = 0x1234;
	ev.u.create2.product = 0x5678;
	ev.u.create2.rd_size = sizeof(sensor_descriptor);
	memcpy(ev.u.create2.rd_data, sensor_descriptor, sizeof(sensor_descriptor));
	ret = xwrite(s->fd, &ev, sizeof(ev));
	if (ret < 0)
		return ret;
	if (pipe2(s->stop, O_CLOEXEC))
		return -errno;
	pthread_create(&s->thread, NULL, sensor_thread, s);
	return wait_for(sensor_find(s), 10000) ? 0 : -ENODEV;
}

static long __unused sensor_report(struct sensor *s, __u16 value)
{
	struct uhid_event ev = { .type = UHID_INPUT2 };

	ev.u.input2.size = sizeof(value);
	memcpy(ev.u.input2.data, &value, sizeof(value));
	return xwrite(s->fd, &ev, sizeof(ev));
}

/*
 * Report until a report arrives: the core drops those that come while it still
 * probes, on another CPU.
 */
static bool __unused sensor_deliver(struct sensor *s, int fd, __u16 value)
{
	return wait_for(sensor_report(s, value) > 0 && (poll_one(fd, 10) & POLLIN),
			5000);
}

/* Returns when the kernel has removed the device. */
static void __unused sensor_unplug(struct sensor *s)
{
	/* A thread that is in a call on the file would hold it open. */
	close(s->stop[1]);
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
	close(s->fd);
}

static int __unused sensor_modules(void)
{
	insmod_if_there("mfd-core");
	return insmod("hid-sensor-hub") ?: insmod("hid-sensor-custom");
}

#endif /* E2E_UHID_H */
