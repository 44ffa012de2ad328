// SPDX-License-Identifier: GPL-2.0
/*
 * A video card with what others have nodes for: CEC, a remote control, digital TV
 *
 * The video node is of a scope, where there is one. The others have lifetimes of their
 * own, and the driver does what docs/cdevm-media.rst says of them. On a stock kernel
 * all but the video node is in devm memory, as many drivers have it.
 *
 * Parameters:
 *
 *	with_demux	is there a demux? Its ->remove() waits until that is closed; for
 *			the next bind
 *	uses		how often the hardware was used
 *	late		how often it would have been, by who came too late
 *	frees		adapters and frontends that were let go of
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <media/cec.h>
#include <media/dmxdev.h>
#include <media/dvb_demux.h>
#include <media/dvb_frontend.h>
#include <media/dvbdev.h>
#include <media/rc-core.h>
#include <media/rc-map.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>

#if __has_include(<media/v4l2-cdevm.h>)
#include <media/v4l2-cdevm.h>
#define SCOPED 1
#endif

#define NODES "board-nodes"

static bool with_demux;
module_param(with_demux, bool, 0644);
MODULE_PARM_DESC(with_demux, "is there a demux? For the next bind");
static unsigned int uses, late, frees;
module_param(uses, uint, 0444);
MODULE_PARM_DESC(uses, "how often the hardware was used");
module_param(late, uint, 0444);
MODULE_PARM_DESC(late, "how often it would have been, by who came too late");
module_param(frees, uint, 0444);
MODULE_PARM_DESC(frees, "adapters and frontends that were let go of");

DVB_DEFINE_MOD_OPT_ADAPTER_NR(adapter_nr);

/**
 * struct nodes_video - a video node
 * @v4l2_dev: of @vdev
 * @vdev: the node
 */
struct nodes_video {
	struct v4l2_device v4l2_dev;
	struct video_device vdev;
};

/**
 * struct nodes - the card
 * @scope: whose memory this is, if there are scopes
 * @video: of the scope, or freed by the last user
 * @cec: the CEC adapter
 * @rc: the remote control
 * @dvb: what @fe and @dmxdev belong to
 * @fe: a frontend
 * @demux: a demux, with @with_demux
 * @dmxdev: its nodes
 * @has_demux: @with_demux as it was at probe
 * @hw: stands for a register: it is gone after unbind
 */
struct nodes {
#ifdef SCOPED
	struct cdevm_scope scope;
#endif
	struct nodes_video *video;
	struct cec_adapter *cec;
	struct rc_dev *rc;
	struct dvb_adapter dvb;
	struct dvb_frontend fe;
	struct dvb_demux demux;
	struct dmxdev dmxdev;
	bool has_demux;
	int *hw;
};

/* The last that is called of what keeps the card's memory. */
static void nodes_get(struct nodes *n)
{
#ifdef SCOPED
	cdevm_get(&n->scope);
#endif
}

static void nodes_put(struct nodes *n)
{
	frees++;
#ifdef SCOPED
	cdevm_put(&n->scope);
#endif
}

static void nodes_use(struct nodes *n)
{
	uses++;
	WRITE_ONCE(*n->hw, *n->hw + 1);
}

/* For those who may come at any time: DVB does not wait for calls, nor refuse all. */
static void nodes_try(struct nodes *n)
{
#ifdef SCOPED
	cdevm_scoped_enter(&n->scope) {
		nodes_use(n);
		return;
	}
	late++;
#else
	nodes_use(n);
#endif
}

/* --- CEC: none of these is called when it was unregistered, but the last */

static int nodes_cec_enable(struct cec_adapter *adap, bool enable)
{
	nodes_use(cec_get_drvdata(adap));
	return 0;
}

static int nodes_cec_log_addr(struct cec_adapter *adap, u8 addr)
{
	nodes_use(cec_get_drvdata(adap));
	return 0;
}

static int nodes_cec_transmit(struct cec_adapter *adap, u8 attempts, u32 free_time,
			      struct cec_msg *msg)
{
	/* Its interrupt does not come. */
	nodes_use(cec_get_drvdata(adap));
	return 0;
}

static void nodes_cec_free(struct cec_adapter *adap)
{
	struct nodes *n = cec_get_drvdata(adap);

	n->cec = NULL;
	nodes_put(n);
}

static const struct cec_adap_ops nodes_cec_ops = {
	.adap_enable	= nodes_cec_enable,
	.adap_log_addr	= nodes_cec_log_addr,
	.adap_transmit	= nodes_cec_transmit,
	.adap_free	= nodes_cec_free,
};

static int nodes_cec_register(struct nodes *n, struct device *dev)
{
	int ret;

	n->cec = cec_allocate_adapter(&nodes_cec_ops, n, NODES,
				      CEC_CAP_LOG_ADDRS | CEC_CAP_PHYS_ADDR |
				      CEC_CAP_TRANSMIT, 1);
	if (IS_ERR(n->cec))
		return PTR_ERR(n->cec);
	nodes_get(n);
	ret = cec_register_adapter(n->cec, dev);
	if (ret)
		cec_delete_adapter(n->cec);
	return ret;
}

static void nodes_cec_unregister(void *data)
{
	struct nodes *n = data;

	cec_unregister_adapter(n->cec);
}

/* --- a remote control: none of these is called when it was unregistered */

static int nodes_rc_open(struct rc_dev *rc)
{
	nodes_use(rc->priv);
	return 0;
}

static void nodes_rc_close(struct rc_dev *rc)
{
	nodes_use(rc->priv);
}

static int nodes_rc_tx(struct rc_dev *rc, unsigned int *txbuf, unsigned int n)
{
	nodes_use(rc->priv);
	return n;
}

static int nodes_rc_register(struct nodes *n, struct device *dev)
{
	n->rc = devm_rc_allocate_device(dev, RC_DRIVER_IR_RAW);
	if (!n->rc)
		return -ENOMEM;
	n->rc->device_name = NODES;
	n->rc->driver_name = NODES;
	n->rc->map_name = RC_MAP_EMPTY;
	n->rc->allowed_protocols = RC_PROTO_BIT_ALL_IR_DECODER;
	n->rc->priv = n;
	n->rc->open = nodes_rc_open;
	n->rc->close = nodes_rc_close;
	n->rc->tx_ir = nodes_rc_tx;
	return rc_register_device(n->rc);
}

static void nodes_rc_unregister(void *data)
{
	struct nodes *n = data;

	rc_unregister_device(n->rc);
}

/* --- DVB: ts_bus_ctrl() is called at the last close, release() after it */

static int nodes_fe_init(struct dvb_frontend *fe)
{
	nodes_try(fe->demodulator_priv);
	return 0;
}

static int nodes_fe_status(struct dvb_frontend *fe, enum fe_status *status)
{
	nodes_try(fe->demodulator_priv);
	*status = 0;
	return 0;
}

static int nodes_fe_tune(struct dvb_frontend *fe, bool re_tune, unsigned int flags,
			 unsigned int *delay, enum fe_status *status)
{
	*delay = HZ / 5;
	return nodes_fe_status(fe, status);
}

static enum dvbfe_algo nodes_fe_algo(struct dvb_frontend *fe)
{
	return DVBFE_ALGO_HW;
}

static int nodes_fe_bus(struct dvb_frontend *fe, int acquire)
{
	nodes_try(fe->demodulator_priv);
	return 0;
}

static void nodes_fe_release(struct dvb_frontend *fe)
{
	nodes_put(fe->demodulator_priv);
}

static const struct dvb_frontend_ops nodes_fe_ops = {
	.delsys			= { SYS_DVBT },
	.info			= {
		.name			= NODES,
		.frequency_min_hz	= 50 * MHz,
		.frequency_max_hz	= 900 * MHz,
	},
	.init			= nodes_fe_init,
	.sleep			= nodes_fe_init,
	.read_status		= nodes_fe_status,
	.tune			= nodes_fe_tune,
	.get_frontend_algo	= nodes_fe_algo,
	.ts_bus_ctrl		= nodes_fe_bus,
	.release		= nodes_fe_release,
};

static int nodes_feed(struct dvb_demux_feed *feed)
{
	nodes_try(feed->demux->priv);
	return 0;
}

static int nodes_demux_register(struct nodes *n)
{
	int ret;

	n->demux.priv = n;
	n->demux.filternum = 4;
	n->demux.feednum = 4;
	n->demux.start_feed = nodes_feed;
	n->demux.stop_feed = nodes_feed;
	n->demux.dmx.capabilities = DMX_TS_FILTERING | DMX_SECTION_FILTERING;
	ret = dvb_dmx_init(&n->demux);
	if (ret)
		return ret;
	n->dmxdev.filternum = 4;
	n->dmxdev.demux = &n->demux.dmx;
	ret = dvb_dmxdev_init(&n->dmxdev, &n->dvb);
	if (ret)
		dvb_dmx_release(&n->demux);
	return ret;
}

static int nodes_dvb_register(struct nodes *n, struct device *dev)
{
	int ret;

	ret = dvb_register_adapter(&n->dvb, NODES, THIS_MODULE, dev, adapter_nr);
	if (ret < 0)
		return ret;
	n->fe.ops = nodes_fe_ops;
	n->fe.demodulator_priv = n;
	ret = dvb_register_frontend(&n->dvb, &n->fe);
	if (ret)
		goto err_adapter;
	nodes_get(n);
	/* DVB drops one when it has called release(), as of a frontend in another module. */
	__module_get(THIS_MODULE);
	if (!n->has_demux)
		return 0;
	ret = nodes_demux_register(n);
	if (!ret)
		return 0;
	dvb_unregister_frontend(&n->fe);
	dvb_frontend_detach(&n->fe);
err_adapter:
	dvb_unregister_adapter(&n->dvb);
	return ret;
}

static void nodes_dvb_unregister(struct nodes *n)
{
	if (n->has_demux) {
		dvb_dmxdev_release(&n->dmxdev);
		dvb_dmx_release(&n->demux);
	}
	dvb_unregister_frontend(&n->fe);
	dvb_frontend_detach(&n->fe);
	dvb_unregister_adapter(&n->dvb);
}

/* --- the video node */

static const struct v4l2_file_operations nodes_fops = {
	.owner		= THIS_MODULE,
	.open		= v4l2_fh_open,
	.release	= v4l2_fh_release,
	.unlocked_ioctl	= video_ioctl2,
};

static int nodes_querycap(struct file *file, void *fh, struct v4l2_capability *cap)
{
	nodes_use(video_drvdata(file));
	strscpy(cap->driver, NODES);
	strscpy(cap->card, NODES);
	return 0;
}

static const struct v4l2_ioctl_ops nodes_ioctl_ops = {
	.vidioc_querycap = nodes_querycap,
};

static void nodes_init_vdev(struct nodes *n)
{
	struct video_device *vdev = &n->video->vdev;

	strscpy(vdev->name, NODES);
	vdev->fops = &nodes_fops;
	vdev->ioctl_ops = &nodes_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE;
	vdev->v4l2_dev = &n->video->v4l2_dev;
	vdev->release = video_device_release_empty;
	video_set_drvdata(vdev, n);
}

#ifdef SCOPED

static struct nodes *nodes_alloc(struct device *dev)
{
	struct nodes *n = devm_cdevm_alloc(dev, struct nodes, scope);

	if (IS_ERR(n))
		return n;
	n->video = cdevm_kzalloc(&n->scope, sizeof(*n->video), GFP_KERNEL);
	return n->video ? n : ERR_PTR(-ENOMEM);
}

/* When no call of a node of the scope is inside any more, with the hardware there. */
static int nodes_at_unbind(struct nodes *n, void (*unregister)(void *n))
{
	int ret = cdevm_add_stop_action(&n->scope, unregister, n);

	if (ret)
		unregister(n);
	return ret;
}

static int nodes_publish(struct nodes *n, struct device *dev)
{
	return cdevm_v4l2_device_register(&n->scope, dev, &n->video->v4l2_dev) ?:
	       nodes_cec_register(n, dev) ?:
	       nodes_at_unbind(n, nodes_cec_unregister) ?:
	       nodes_rc_register(n, dev) ?:
	       nodes_at_unbind(n, nodes_rc_unregister) ?:
	       cdevm_video_register_device(&n->scope, &n->video->vdev,
					   VFL_TYPE_VIDEO, -1);
}

static void nodes_unpublish(struct nodes *n)
{
}

#else

/* Done right: a crash would hide the rest, as DEBUG_KOBJECT_RELEASE has a timer in it. */
static void nodes_video_free(struct v4l2_device *v4l2_dev)
{
	kfree(container_of(v4l2_dev, struct nodes_video, v4l2_dev));
}

/* A test's: what fails here, and in the next, is left as it is. */
static struct nodes *nodes_alloc(struct device *dev)
{
	struct nodes *n = devm_kzalloc(dev, sizeof(struct nodes), GFP_KERNEL);

	if (n)
		n->video = kzalloc(sizeof(*n->video), GFP_KERNEL);
	return n && n->video ? n : ERR_PTR(-ENOMEM);
}

static int nodes_publish(struct nodes *n, struct device *dev)
{
	n->video->v4l2_dev.release = nodes_video_free;
	return v4l2_device_register(dev, &n->video->v4l2_dev) ?:
	       nodes_cec_register(n, dev) ?:
	       nodes_rc_register(n, dev) ?:
	       video_register_device(&n->video->vdev, VFL_TYPE_VIDEO, -1);
}

static void nodes_unpublish(struct nodes *n)
{
	video_unregister_device(&n->video->vdev);
	nodes_rc_unregister(n);
	nodes_cec_unregister(n);
	v4l2_device_disconnect(&n->video->v4l2_dev);
	v4l2_device_put(&n->video->v4l2_dev);
}

#endif

static int nodes_probe(struct platform_device *pdev)
{
	struct nodes *n = nodes_alloc(&pdev->dev);
	int ret;

	if (IS_ERR(n))
		return PTR_ERR(n);
	platform_set_drvdata(pdev, n);
	n->has_demux = with_demux;
	n->hw = devm_kzalloc(&pdev->dev, sizeof(*n->hw), GFP_KERNEL);
	if (!n->hw)
		return -ENOMEM;
	nodes_init_vdev(n);
	ret = nodes_dvb_register(n, &pdev->dev);
	if (ret)
		return ret;
	ret = nodes_publish(n, &pdev->dev);
	if (ret)
		nodes_dvb_unregister(n);
	return ret;
}

static void nodes_remove(struct platform_device *pdev)
{
	struct nodes *n = platform_get_drvdata(pdev);

	nodes_unpublish(n);
	nodes_dvb_unregister(n);
}

static struct platform_driver nodes_driver = {
	.probe	= nodes_probe,
	.remove	= nodes_remove,
	.driver	= {
		.name = NODES,
	},
};

static struct platform_device *board;

static int __init board_init(void)
{
	int ret = platform_driver_register(&nodes_driver);

	if (ret)
		return ret;
	board = platform_device_register_simple(NODES, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(board)) {
		platform_driver_unregister(&nodes_driver);
		return PTR_ERR(board);
	}
	return 0;
}
module_init(board_init);

static void __exit board_exit(void)
{
	platform_device_unregister(board);
	platform_driver_unregister(&nodes_driver);
}
module_exit(board_exit);

MODULE_DESCRIPTION("Video card with CEC, a remote control and digital TV");
MODULE_LICENSE("GPL");
