"""What `everybatch predict` says, in Chinese."""

TEXTS = {
    "help_predict": (
        "用一次 image_folder 运行学到的模型为图像生成掩码: 用 best.pt，没有则用 last.pt。\n"
        "RUN 是编号、编号的开头或路径，也可以是检查点文件；省略时为最新的一次。\n"
        "PICTURES 是文件或目录；掩码与图像尺寸相同，图像的格式能存掩码时格式也相同。"
    ),
    "predict_model": "模型: {path}，epoch {epoch}，类别: {classes}（{device}）",
    "predict_found": "{name}: {found}",
    "predict_nothing": "没有找到",
    "predict_failed": "{path}: {reason}；没有它的掩码",
    "predict_not_written": "无法写入 {path}（{reason}）",
    "predict_done": "已写入 {path} 的掩码: {count} 个（{seconds:z.1f} 秒）",
    "predict_without": "没有掩码的图像: {count} 张",
    "predict_nothing_given": "{command} 需要图像，例如 {command} RUN pictures/（用 {command} --help 查看说明）",
    "predict_missing": "{path} 不存在",
    "predict_no_picture": "{paths} 中没有图像",
    "predict_overwrites": "--out: 掩码 {path} 会覆盖一张图像；请换一个目录",
    "predict_same_name": "--out: {first} 和 {second} 的掩码都会写到 {path}；请用不同的 --out 分别预测",
    "predict_other_task": "predict 只用于 image_folder 的运行；{name} 的任务是 {task}",
    "predict_too_old": "{path} 由旧版 everybatch 写成，缺少 predict 需要的内容；请重新训练",
    "predict_damaged": "无法使用检查点 {path}（{reason}）",
    "predict_no_checkpoint": "运行 {run} 在 {path} 中还没有检查点",
    "predict_channels": "通道数为 {found}，模型需要 {needed}",
    "predict_sizes": "各通道的尺寸不同",
    "predict_not_finite": "含有NaN或Inf",
}
