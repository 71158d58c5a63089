"""What is said of somebody's pictures and masks, in Chinese."""

TEXTS = {
    "data_needed": "--data: 任务 image_folder 需要图像目录，例如 --data DIR（内含 images/ 和 masks/）",
    "data_missing": "--data: 找不到目录 {path}",
    "data_empty": "--data: {path} 中没有图像（PNG、JPEG、BMP、WebP、GIF、TIFF、NIfTI、NRRD、MetaImage、DICOM）",
    "masks_missing": "--data: {count} 张图像在 {path} 中没有同名的掩码: {names}",
    "image_unreadable": "--data: 无法读取图像 {path}（{reason}）；请替换或删除它",
    "mask_size": "--data: 掩码 {path} 的尺寸 {mask_size} 与图像的尺寸 {image_size} 不同",
    "mask_elsewhere": (
        "--data: 掩码 {path} 与其图像的空间位置不符（按文件头相差可达 {apart:z.1f} mm）；"
        "请将掩码重采样到图像的网格上"
    ),
    "mask_channels": "--data: 掩码 {path} 有 {channels} 个通道；请存为单通道的编号或8位RGB",
    "volume_dimensions": (
        "--data: {path} 的体素为 {shape}，维数超过单个体数据（最多8个通道）；请每个文件只存一个体数据"
    ),
    "numbers_unknown": "--data: {path} 的数值类型是 {number}；请存为整数或浮点数",
    "series_many": "--data: {path} 中有 {count} 个DICOM序列（{names}）；请把每个序列放在单独的目录里",
    "series_uneven": (
        "--data: {path} 中的切片间距为 {least:z.2f} 至 {most:z.2f} mm: 缺少切片，或混有多次扫描；请补全或分开"
    ),
    "series_damaged": "--data: {path} 不是完整的DICOM图像；请替换或删除它",
    "picture_too_large": "--data: {path} 对其格式来说太大，无法读取；请存为PNG或TIFF",
    "format_unknown": "--data: {path} 的格式无法读取（可读取: {suffixes}）",
    "medical_needed": '--data: 读取 {path} 需要SimpleITK: pip install "everybatch[medical]"',
    "codec_needed": '--data: {path} 以 {codec} 压缩，读取需要imagecodecs: pip install "everybatch[medical]"',
    "too_small": "--data: 只有 {count} 对图像，至少需要 2 对（一部分用于验证）",
    "picture_twice": "--data: {path} 中 {first} 和 {second} 同名；请只保留一个",
    "picture_not_finite": "--data: {path} 含有NaN或Inf；请替换或删除它",
    "mask_not_finite": "--data: 掩码 {path} 含有NaN或Inf；请替换或删除它",
    "mask_colours": (
        "--data: 掩码共有 {count} 种颜色，超过 {most} 种就不是类别（{names}）；这些是原图，还是存成了JPEG的掩码？"
    ),
    "masks_contradict": (
        "--data: 有的掩码以255为前景（{white}），有的掩码的类别是小整数（{numbers}）；请统一保存方式"
    ),
    "masks_empty": "--data: 所有掩码都没有前景（{count} 个掩码，{names}；取值: {values}）",
    "masks_full": "--data: 所有掩码处处都是前景（{count} 个掩码，{names}；取值: {values}）",
    "reading": "正在读取图像和掩码 {bar} {done}/{total}",
    "pictures_found": "训练图像 {train} 张，验证图像 {val} 张",
    "masks_binary": "掩码有两个取值（{values}）: 较大的是前景，占像素的 {percent:z.1f}%",
    "masks_colours": "彩色掩码（{values}）: 每种颜色是一个类别，非背景占像素的 {percent:z.1f}%",
    "masks_classes": "掩码是类别编号（{values}）: 0是背景，非背景占像素的 {percent:z.1f}%",
    "masks_levels": "掩码有几个灰度级（{values}）: 每级是一个类别，最低的是背景，非背景占像素的 {percent:z.1f}%",
    "masks_objects": "掩码中每个目标有自己的编号（{values}）: 所有目标都是前景，占像素的 {percent:z.1f}%",
    "masks_soft": "掩码有柔和的边缘或是概率: 高于一半的是前景，占像素的 {percent:z.1f}%",
    "masks_void": "忽略值的像素不属于任何类别: 既不学习也不评分",
    "masks_mostly": "提示: 前景占像素的 {percent:z.1f}%；如果要找的是其余部分，请反转掩码",
    "split_by_folder": "训练和验证图像分别在 train/ 和 val/ 中",
    "split_by_file": "验证图像由 {path} 指定",
    "split_by_group": (
        "按名称中最后一个 _ 之前的部分分为 {groups} 组（最大的组 {name} 有 {count} 张）；同一组不会分到两边"
    ),
    "split_unreadable": "--data: 无法读取 {path}（{reason}）",
    "split_unknown": "--data: {path} 中的图像不存在: {names}",
    "split_one_side": "--data: 按 {path} 划分后训练图像 {train} 张、验证图像 {val} 张；两边都不能为空",
    "pictures_sizes": "图像尺寸 {sizes} 像素，通道数 {channels}，数值类型 {numbers}",
    "masks_named": "按名称的类别（{values}）: 非背景占像素的 {percent:z.1f}%",
    "masks_several": "{count} 张图像有多个掩码: 每个掩码是一个目标",
    "masks_class_shares": "各类别占像素的比例: {shares}",
    "masks_unnamed": (
        "--data: {count} 个掩码含有未命名的取值: {values}（{names}）；"
        "请为它们命名，或不写 background，使其余的都是背景"
    ),
    "left_other": "{path} 中略过 {count} 个不是图像的文件或目录（{names}）",
    "left_masks": "{path} 中略过 {count} 个没有对应图像的掩码（{names}）",
    "channels_differ": "--data: {first} 的通道数为 {few}，{second} 为 {many}；所有图像的通道数必须相同",
    "channel_sizes": (
        "--data: {first} 的尺寸 {size} 与 {second} 的尺寸 {other} 不同；同一图像各通道的尺寸必须相同"
    ),
    "channel_missing": "--data: 病例 {case} 在 {path} 中缺少通道 {channel}，其他病例有",
    "classes_unreadable": ("{where}: 无法读取“{part}”；类别的写法如 liver=1, tumour=2 或 cell=#ff0000"),
    "classes_twice": "{where}: {first} 和 {second} 的取值相同",
    "classes_none": "{where}: 没有命名任何类别",
    "classes_regions": "--data: {path} 把多个标签合成区域（{names}），暂不支持；请让每个标签自成一类",
    "window_unreadable": "--window: 无法读取 {value}；请写窗位和窗宽，例如 40,400",
    "resume_classes": "--resume: 网络学过的类别是 {then}，现在的掩码是 {now}",
}
