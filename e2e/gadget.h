/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A USB device that is a program, and that can be unplugged
 *
 * The host controller is dummy_hcd, with one port, and raw-gadget hands what the host
 * asks for to a process, which is a child of the test. To pull the device the process
 * is killed. What it had open is closed then, whatever its threads are doing: the
 * transfers that are under way fail, as with a cable that is pulled.
 *
 * A device describes itself in a struct gadget_ops. Test and device exchange
 * data through shared memory.
 */
#ifndef E2E_GADGET_H
#define E2E_GADGET_H

#include "common.h"

#include <dirent.h>
#include <linux/usb/ch9.h>
#include <linux/usb/raw_gadget.h>
#include <stddef.h>
#include <sys/mman.h>

/* Shared by test and device. The memory of a kind of device follows it. */
struct gadget_shared {
	bool configured;	/* the host has chosen the configuration */
};

struct gadget;

/**
 * struct gadget_ops - a kind of device
 * @device: its descriptor
 * @config: the one configuration, with the descriptors of interfaces and endpoints
 * @config_len: bytes of it
 * @serial: string number 1, which is the only one; or %NULL
 * @shared_len: bytes of the shared memory
 * @control: answers a request that is none of chapter 9. @data has what the host has
 *	sent, or room for what it gets. Returns the length of the answer, or -1 to stall.
 *	Called in the thread that serves endpoint 0
 * @run: called when the device is configured; starts the threads that serve the
 *	other endpoints. May be %NULL
 */
struct gadget_ops {
	struct usb_device_descriptor device;
	const void *config;
	size_t config_len;
	const char *serial;
	size_t shared_len;
	int (*control)(struct gadget *g, const struct usb_ctrlrequest *req, void *data);
	void (*run)(struct gadget *g);
};

/**
 * struct gadget - a device that is plugged in
 * @ops: what it is
 * @shared: memory of its own kind
 * @pid: its process
 * @fd: of raw-gadget, in that process
 * @eps: handles of endpoints by address; see gadget_ep()
 */
struct gadget {
	const struct gadget_ops *ops;
	void *shared;
	pid_t pid;
	int fd;
	int eps[2 * 16];
};

#define GADGET_DATA 1024

struct gadget_io {
	struct usb_raw_ep_io io;
	unsigned char data[GADGET_DATA];
};

struct gadget_event {
	struct usb_raw_event event;
	struct usb_ctrlrequest req;
};

/* --- in the device's process */

static int *gadget_ep(struct gadget *g, unsigned int address)
{
	return &g->eps[(address & 15) + (address & USB_DIR_IN ? 16 : 0)];
}

/*
 * Send to the host, or receive: returns the number of bytes when the host has taken
 * them or has sent some. For a bulk endpoint @len may be any number.
 */
static long __unused gadget_write(struct gadget *g, unsigned int address,
				  const void *data, size_t len)
{
	struct usb_raw_ep_io *io = malloc(sizeof(*io) + len);
	long ret;

	io->ep = *gadget_ep(g, address);
	io->flags = 0;
	io->length = len;
	memcpy(io->data, data, len);
	ret = xioctl(g->fd, USB_RAW_IOCTL_EP_WRITE, io);
	free(io);
	return ret;
}

static long __unused gadget_read(struct gadget *g, unsigned int address, void *data,
				 size_t len)
{
	struct usb_raw_ep_io *io = malloc(sizeof(*io) + len);
	long ret;

	io->ep = *gadget_ep(g, address);
	io->flags = 0;
	io->length = len;
	ret = xioctl(g->fd, USB_RAW_IOCTL_EP_READ, io);
	if (ret > 0)
		memcpy(data, io->data, ret);
	free(io);
	return ret;
}

/* Start a thread that serves an endpoint. */
static void __unused gadget_thread(struct gadget *g, void *(*serve)(void *g))
{
	pthread_t thread;

	pthread_create(&thread, NULL, serve, g);
}

static int gadget_ep0(struct gadget *g, unsigned long cmd, void *data, size_t len)
{
	struct gadget_io io = { .io.length = len };
	long ret;

	if (cmd == USB_RAW_IOCTL_EP0_WRITE && len)
		memcpy(io.data, data, len);
	ret = xioctl(g->fd, cmd, &io);
	if (cmd == USB_RAW_IOCTL_EP0_READ && ret > 0)
		memcpy(data, io.data, ret);
	return ret;
}

/* Enable all endpoints of the configuration in alternate settings 0. */
static int gadget_configure(struct gadget *g)
{
	const unsigned char *at = g->ops->config, *end = at + g->ops->config_len;
	struct usb_endpoint_descriptor ep;
	bool first = true;
	int ret;

	for (; at < end; at += at[0]) {
		if (at[1] == USB_DT_INTERFACE)
			first = at[3] == 0;
		if (at[1] != USB_DT_ENDPOINT || !first)
			continue;
		memset(&ep, 0, sizeof(ep));
		memcpy(&ep, at, USB_DT_ENDPOINT_SIZE);
		ret = xioctl(g->fd, USB_RAW_IOCTL_EP_ENABLE, &ep);
		if (ret < 0)
			return ret;
		*gadget_ep(g, ep.bEndpointAddress) = ret;
	}
	ret = xioctl(g->fd, USB_RAW_IOCTL_VBUS_DRAW, (void *)50);
	return ret ?: xioctl(g->fd, USB_RAW_IOCTL_CONFIGURE, NULL);
}

/* @data gets a string descriptor. Number 0 is the list of languages. */
static int gadget_string(struct gadget *g, unsigned int index, unsigned char *data)
{
	const char *text = g->ops->serial;
	int i, len;

	if (index > 1 || (index && !text))
		return -1;
	len = index ? strlen(text) : 1;
	data[0] = 2 + 2 * len;
	data[1] = USB_DT_STRING;
	for (i = 0; i < len; i++) {
		data[2 + 2 * i] = index ? text[i] : 0x09;
		data[3 + 2 * i] = index ? 0 : 0x04;
	}
	return data[0];
}

static int gadget_descriptor(struct gadget *g, const struct usb_ctrlrequest *req,
			     void *data)
{
	switch (req->wValue >> 8) {
	case USB_DT_DEVICE:
		memcpy(data, &g->ops->device, USB_DT_DEVICE_SIZE);
		return USB_DT_DEVICE_SIZE;
	case USB_DT_CONFIG:
		memcpy(data, g->ops->config, g->ops->config_len);
		return g->ops->config_len;
	case USB_DT_STRING:
		return gadget_string(g, req->wValue & 0xff, data);
	}
	return -1;
}

/* Returns the length of the answer, or -1 to stall. */
static int gadget_answer(struct gadget *g, const struct usb_ctrlrequest *req, void *data)
{
	if ((req->bRequestType & USB_TYPE_MASK) != USB_TYPE_STANDARD)
		return g->ops->control ? g->ops->control(g, req, data) : -1;
	switch (req->bRequest) {
	case USB_REQ_GET_DESCRIPTOR:
		return gadget_descriptor(g, req, data);
	case USB_REQ_SET_CONFIGURATION:
		return gadget_configure(g) ? -1 : 0;
	case USB_REQ_SET_INTERFACE:
		return 0;
	}
	return -1;
}

static bool gadget_is_configuration(const struct usb_ctrlrequest *req)
{
	return (req->bRequestType & USB_TYPE_MASK) == USB_TYPE_STANDARD &&
	       req->bRequest == USB_REQ_SET_CONFIGURATION;
}

/* A request of the host on endpoint 0. What follows it goes in or out. */
static void gadget_request(struct gadget *g, const struct usb_ctrlrequest *req)
{
	unsigned char data[GADGET_DATA] = { 0 };
	bool in = req->bRequestType & USB_DIR_IN;
	int len;

	/* A device that stalls a request with data does so after it has received them. */
	if (!in && req->wLength && gadget_ep0(g, USB_RAW_IOCTL_EP0_READ, data,
					      req->wLength) < 0)
		return;
	len = gadget_answer(g, req, data);
	if (len < 0) {
		if (in || !req->wLength)
			xioctl(g->fd, USB_RAW_IOCTL_EP0_STALL, NULL);
		return;
	}
	if (in)
		gadget_ep0(g, USB_RAW_IOCTL_EP0_WRITE, data,
			   len < req->wLength ? len : req->wLength);
	else if (!req->wLength)
		gadget_ep0(g, USB_RAW_IOCTL_EP0_READ, NULL, 0);
	if (!gadget_is_configuration(req))
		return;
	if (g->ops->run)
		g->ops->run(g);
	__atomic_store_n(&((struct gadget_shared *)g->shared)->configured, true,
			 __ATOMIC_RELEASE);
}

static int gadget_init(struct gadget *g)
{
	struct usb_raw_init init = {
		.driver_name = "dummy_udc",
		.device_name = "dummy_udc.0",
		.speed = USB_SPEED_HIGH,
	};
	int ret;

	g->fd = xopen("/dev/raw-gadget", O_RDWR);
	if (g->fd < 0)
		return g->fd;
	ret = xioctl(g->fd, USB_RAW_IOCTL_INIT, &init);
	return ret ?: xioctl(g->fd, USB_RAW_IOCTL_RUN, NULL);
}

static int gadget_main(struct gadget *g)
{
	struct gadget_event e;
	int ret;

	/* Close the files of the test here: its own close has to be the last one. */
	close_range(3, ~0U, 0);
	ret = gadget_init(g);
	while (!ret) {
		e.event.type = 0;
		e.event.length = sizeof(e.req);
		ret = xioctl(g->fd, USB_RAW_IOCTL_EVENT_FETCH, &e);
		if (!ret && e.event.type == USB_RAW_EVENT_CONTROL)
			gadget_request(g, &e.req);
	}
	fprintf(stderr, "# the device gives up: %s\n", ename(ret));
	return 1;
}

/* --- in the test */

/*
 * The device on the side of the host. It exists until the last of its drivers
 * has let go.
 */
#define GADGET_HOST "/sys/bus/usb/devices/1-1"
/* raw-gadget's own driver for it, which DEBUG_KOBJECT_RELEASE lets live on for seconds. */
#define GADGET_DRIVER "/sys/bus/gadget/drivers/raw-gadget.0"

/* Plug in a device after the last one has gone. Does not wait for the host. */
static void __unused gadget_start(struct gadget *g, const struct gadget_ops *ops)
{
	wait_for(!exists(GADGET_DRIVER), FREED_MS);
	memset(g, 0, sizeof(*g));
	g->ops = ops;
	g->shared = mmap(NULL, ops->shared_len, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fflush(stdout);
	g->pid = fork();
	if (!g->pid)
		_exit(gadget_main(g));
}

/* Pull the plug. The host may not have noticed when this returns. */
static void __unused gadget_pull(struct gadget *g)
{
	kill(g->pid, SIGKILL);
	waitpid(g->pid, NULL, 0);
}

/* The shared memory is there until this. */
static void __unused gadget_free(struct gadget *g)
{
	munmap(g->shared, g->ops->shared_len);
}

/* The name of the interface that @driver has, as "1-1:1.0"; "" when there is none. */
static __unused const char *usb_bound(const char *driver)
{
	static char name[64];
	struct dirent *e;
	char path[128];
	DIR *d;

	name[0] = 0;
	snprintf(path, sizeof(path), "/sys/bus/usb/drivers/%s", driver);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			snprintf(name, sizeof(name), "%.63s", e->d_name);
	if (d)
		closedir(d);
	return name;
}

#endif /* E2E_GADGET_H */
